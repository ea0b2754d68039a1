import { useI18n } from 'vue-i18n'
import type { FieldValue, Locator } from '@/api/types'
import { useFormat } from './format'

type Family =
  | 'actor'
  | 'channel'
  | 'field'
  | 'kept'
  | 'level'
  | 'mark'
  | 'match'
  | 'origin'
  | 'outcome'
  | 'payment'
  | 'people'
  | 'permission'
  | 'phase'
  | 'role'
  | 'source'
  | 'status'
  | 'subject'
  | 'way'

/** An unknown code is shown as it is, only readable: a new status of the server must not break the page. */
export const readable = (code: string): string => code.replaceAll('_', ' ')

export const EMPTY = '—'

/** A permission as the catalogues spell it. */
export const permissionName = (permission: string): string => permission.replace(':', '_')

/** Fields whose values are codes, and what names them. */
const CODES: Record<string, Family> = { payment_method: 'payment', payment_status: 'status', brew_status: 'status', status: 'status' }

/** What the server's codes are called. */
export function useNames() {
  const { t, te } = useI18n()
  const format = useFormat()

  function name(family: Family, code: string | null | undefined): string {
    if (!code) return EMPTY
    const key = `${family}.${code}`
    return te(key) ? t(key) : readable(code)
  }

  /** The value of an order's field, written for people. */
  function value(field: string, raw: FieldValue | undefined, currency?: string): string {
    if (raw === null || raw === undefined || raw === '') return EMPTY
    if (field.endsWith('_at')) return format.time(raw, true)
    if (field === 'amount' && currency) return format.money({ amount: raw, currency })
    const family = CODES[field]
    return family ? name(family, raw) : raw
  }

  /** Where in a file something stands: "report.xlsx, sheet Orders, row 17". */
  function place(file: string | null | undefined, locator: Locator | null | undefined): string {
    const parts = [file ?? locator?.file]
    if (locator?.member) parts.push(locator.member)
    if (locator?.sheet) parts.push(t('place.sheet', { name: locator.sheet }))
    if (locator?.page) parts.push(t('place.page', { number: locator.page }))
    if (locator?.row) parts.push(t('place.row', { number: format.number(locator.row) }))
    return parts.filter(Boolean).join(', ')
  }

  return { name, value, place }
}
