type Color = 'success' | 'info' | 'warning' | 'error' | 'neutral'

const COLORS: Record<string, Color> = {
  fully_matched: 'success',
  matched: 'success',
  hw_only: 'warning',
  vendhub_only: 'warning',
  time_out_of_range: 'warning',
  ambiguous_match: 'warning',
  fiscal_mismatch: 'error',
  gateway_mismatch: 'error',
  price_mismatch: 'error',
  number_conflict: 'error',
  refunded: 'neutral',
  cancelled: 'neutral',
  // imports
  received: 'info',
  identified: 'info',
  parsed: 'info',
  checked: 'info',
  applied: 'success',
  dry_run: 'info',
  duplicate: 'neutral',
  needs_mapping: 'warning',
  refused: 'error',
  failed: 'error',
  undone: 'neutral',
  // people and keys
  pending: 'warning',
  approved: 'success',
  blocked: 'error',
  deactivated: 'neutral',
  erased: 'neutral',
  active: 'success',
  expired: 'neutral',
  revoked: 'neutral',
}

export const statusColor = (status: string): Color => COLORS[status] ?? 'neutral'

/** Statuses a person can filter by, the good ones first. */
export const MATCH_STATUSES = [
  'fully_matched',
  'matched',
  'hw_only',
  'vendhub_only',
  'fiscal_mismatch',
  'gateway_mismatch',
  'price_mismatch',
  'time_out_of_range',
  'ambiguous_match',
  'number_conflict',
  'refunded',
] as const

/** How far a vending order has come; label-desk orders have more, shown but not offered here. */
export const ORDER_STATUSES = ['recorded', 'cancelled'] as const

export const CHANGE_KINDS = ['new', 'filled', 'changed'] as const
export const PAYMENT_METHODS = ['cash', 'qr', 'vip', 'credit', 'card', 'test'] as const
/** Whose orders the list can be narrowed to. */
export const SOURCES = ['happy_workers', 'vendhub', 'fiscal', 'payme', 'click', 'uzum'] as const

/** Every source there is: what somebody may be limited to. */
export const ALL_SOURCES = [...SOURCES, 'bank', 'cash_collection', 'hicon', 'generic'] as const

export const PERSON_STATUSES = ['pending', 'approved', 'blocked', 'deactivated'] as const
