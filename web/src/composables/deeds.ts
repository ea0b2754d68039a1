import { useI18n } from 'vue-i18n'
import { PERMISSION } from '@/api/permissions'
import { useNames } from './names'
import { useSession } from './session'

/** What the log tells of, as the server groups it; a group is the beginning of its actions. */
export const DEED_GROUPS = [
  'person',
  'session',
  'sign_in',
  'api_key',
  'order',
  'import',
  'mapping',
  'match',
  'exception',
  'reconciliation',
  'machine',
  'setting',
  'signing_key',
] as const

const PAGES: Record<string, { at: string; needs: string }> = {
  order: { at: '/orders', needs: PERMISSION.readOrders },
  import: { at: '/imports', needs: PERMISSION.readImports },
  person: { at: '/people', needs: PERMISSION.readPeople },
}

/** Deeds and what they were about, in words. */
export function useDeeds() {
  const { t, te } = useI18n()
  const { name } = useNames()
  const { can } = useSession()

  function action(code: string): string {
    const key = `deed.${code.replaceAll('.', '_')}`
    return te(key) ? t(key) : code
  }

  function subject(text: string): string {
    const [kind = '', ...rest] = text.split(':')
    return [name('subject', kind), rest.join(':')].filter(Boolean).join(' ')
  }

  /** Where the subject has a page of its own that one may see. */
  function page(text: string): string | null {
    const [kind = '', ...rest] = text.split(':')
    const found = PAGES[kind]
    return found && rest.length && can(found.needs) ? `${found.at}/${encodeURIComponent(rest.join(':'))}` : null
  }

  return { action, subject, page }
}
