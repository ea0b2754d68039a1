import { useI18n } from 'vue-i18n'
import { EMPTY, readable } from './names'

/** Why something is as it is: a code of the server with its numbers and words. */
export type Reason = Readonly<Record<string, unknown>>

/** Reasons as sentences; one that this page does not know yet is shown as it is, only readable. */
export function useReasons() {
  const { t, te } = useI18n()

  function because(reason: Reason): string {
    const code = String(reason.code ?? '')
    const key = `reason.${code}`
    const words = Object.fromEntries(
      Object.entries(reason).map(([name, value]) => [name, value === null || value === '' ? EMPTY : String(value)]),
    )
    return te(key) ? t(key, words) : readable(Object.values(words).join(' '))
  }

  return { because }
}
