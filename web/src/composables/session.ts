import { readonly, ref, watch } from 'vue'
import { getMe, setLanguage as keepLanguage, signInByMiniApp, signOut as endSession } from '@/api/people'
import { ProblemError } from '@/api/problem'
import { holdTokens } from '@/api/send'
import { unauthenticated } from '@/api/state'
import type { Me, SignedIn } from '@/api/types'
import { type Language, toLanguage, useLanguage } from '@/i18n'

/** `waiting`: an administrator has yet to decide. `refused`: the answer was no. */
type State = 'loading' | 'in' | 'waiting' | 'refused' | 'out' | 'expired' | 'failed'

const me = ref<Me | null>(null)
const state = ref<State>('loading')
const failure = ref<unknown>(null)
const inTelegram = ref(false)

/** A 401 after the start means the session ended while the page was open. */
watch(unauthenticated, () => {
  if (state.value === 'in') state.value = 'expired'
  if (state.value === 'waiting') state.value = 'refused'
})

function welcome(found: Me): void {
  me.value = found
  state.value = found.status === 'pending' ? 'waiting' : 'in'
}

async function comeIn(found: Me | SignedIn): Promise<void> {
  if ('tokens' in found) holdTokens(found.tokens)
  const language = toLanguage(found.language)
  if (language) await useLanguage(language)
  welcome(found)
}

/** Find out who is here; a Mini App says so by its init data. */
async function start(initData: string | null): Promise<void> {
  if (state.value !== 'expired') state.value = 'loading'
  inTelegram.value = initData !== null
  try {
    await comeIn(initData === null ? await getMe() : await signInByMiniApp(initData))
  } catch (error) {
    if (error instanceof ProblemError && error.status === 401 && initData === null) {
      if (state.value !== 'expired') state.value = 'out'
      return
    }
    failure.value = error
    state.value = 'failed'
  }
}

/** Whether an administrator has decided meanwhile. */
async function look(): Promise<void> {
  try {
    welcome(await getMe())
  } catch {
    // A refusal is noticed above; after anything else the next look tells.
  }
}

async function signOut(): Promise<void> {
  state.value = 'out'
  me.value = null
  try {
    await endSession()
  } finally {
    holdTokens(null)
  }
}

async function setLanguage(language: Language): Promise<void> {
  await useLanguage(language)
  if (state.value === 'in') me.value = await keepLanguage(language)
}

const can = (permission: string): boolean => me.value?.permissions.includes(permission) ?? false

/** Who is signed in, if anybody. One session for the whole page. */
export function useSession() {
  return {
    me: readonly(me),
    state: readonly(state),
    failure: readonly(failure),
    inTelegram: readonly(inTelegram),
    start,
    comeIn,
    look,
    signOut,
    setLanguage,
    can,
  }
}
