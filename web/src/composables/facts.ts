import type { FieldValue, Order } from '@/api/types'

/** The order of an order's fields on the screen; what the server adds later follows after these. */
export const FACTS = [
  'occurred_at',
  'machine_code',
  'machine_address',
  'product',
  'taste',
  'amount',
  'currency',
  'payment_method',
  'payment_resource',
  'payment_status',
  'order_type',
  'brew_status',
  'cup_type',
  'card',
  'operator_number',
  'paid_at',
  'brewed_at',
  'delivered_at',
  'refunded_at',
  'reason',
  'remark',
]

const SHOWN_ELSEWHERE = new Set(['number', 'currency'])

const rank = (name: string): number => (FACTS.includes(name) ? FACTS.indexOf(name) : FACTS.length)

/** Names of the fields to show: the known ones in their order, then any others; empty ones are left out. */
export function factNames(fields: Record<string, FieldValue>): string[] {
  const filled = Object.keys(fields).filter((name) => {
    const value = fields[name]
    return !SHOWN_ELSEWHERE.has(name) && value !== null && value !== undefined && value !== ''
  })
  return filled.toSorted((a, b) => rank(a) - rank(b))
}

export function currencyOf(order: Pick<Order, 'amount'> & { fields?: Record<string, FieldValue> }): string {
  const written = order.fields?.currency
  return order.amount?.currency ?? (typeof written === 'string' ? written : 'UZS')
}

/** The fields a person may correct by hand. */
export const EDITABLE = ['product', 'taste', 'amount', 'payment_method', 'card', 'remark'] as const
