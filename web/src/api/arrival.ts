export const SIGN_IN_PAGE = '/sign-in'
export const MINI_APP_PAGE = '/app'

/** What somebody comes with. */
export interface Arrival {
  /** Where this document was served: the server allows Telegram's button on its sign-in page alone. */
  page: string
  /** What Telegram hands to a Mini App. */
  initData: string | null
  /** What Telegram's Login Widget says of a person, all of it signed. */
  fields: Record<string, string> | null
}

/** Read the address and clear it, before the router sees it: nothing of this belongs into the history. */
export function takeArrival(): Arrival {
  const page = location.pathname
  const query = new URLSearchParams(location.search)
  const initData = page === MINI_APP_PAGE ? new URLSearchParams(location.hash.slice(1)).get('tgWebAppData') : null
  const signed = page === SIGN_IN_PAGE && query.has('id') && query.has('auth_date') && query.has('hash')
  if (initData || signed) history.replaceState(history.state, '', page)
  return { page, initData, fields: signed ? Object.fromEntries(query) : null }
}

const MARK = 'vhm24r.sign-in'
/** For how long a window that went to sign in is believed to have meant it. */
const MEANT_FOR = 10 * 60_000

/** Remember that this window went to sign in, and from where: fields nobody asked for are somebody else's. */
export function markSignIn(from: string): void {
  try {
    const [, where = from] = sessionStorage.getItem(MARK)?.split(' ') ?? []
    sessionStorage.setItem(MARK, `${Date.now()} ${where}`)
  } catch {
    // Not remembered: the page will ask before it signs in.
  }
}

/** Where this window went to sign in from, once; null when it did not. */
export function takeMark(): string | null {
  try {
    const [at, from] = sessionStorage.getItem(MARK)?.split(' ') ?? []
    sessionStorage.removeItem(MARK)
    return from && Date.now() - Number(at) < MEANT_FOR ? from : null
  } catch {
    return null
  }
}
