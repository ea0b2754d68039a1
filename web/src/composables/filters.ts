import { computed } from 'vue'
import { type LocationQuery, useRoute, useRouter } from 'vue-router'
import type { OrderQuery } from '@/api/orders'

/** Every filter of the orders list, as the URL spells it: a link to a view shows the same view. */
export const FILTERS = [
  'q',
  'from',
  'to',
  'machine',
  'product',
  'payment_method',
  'match_status',
  'status',
  'change',
  'source',
  'import_id',
  'amount_min',
  'amount_max',
  'tag',
  'channel',
] as const

export type FilterName = (typeof FILTERS)[number]
export type Filters = Partial<Record<FilterName, string>>

export const NEWEST_FIRST = '-occurred_at'
const SORTS = new Set([NEWEST_FIRST, 'occurred_at', '-amount', 'amount'])

export function readFilters(query: LocationQuery): Filters {
  const filters: Filters = {}
  for (const name of FILTERS) {
    const value = query[name]
    if (typeof value === 'string' && value !== '') filters[name] = value
  }
  return filters
}

export function readSort(query: LocationQuery): string {
  return typeof query.sort === 'string' && SORTS.has(query.sort) ? query.sort : NEWEST_FIRST
}

export function toQuery(filters: Filters, sort: string): Record<string, string> {
  const query: Record<string, string> = {}
  for (const name of FILTERS) {
    const value = filters[name]?.trim()
    if (value) query[name] = value
  }
  if (sort !== NEWEST_FIRST) query.sort = sort
  return query
}

/** What the server is asked. */
export function toRequest(filters: Filters, sort: string): OrderQuery {
  return { ...filters, sort }
}

/** The filters live in the URL; changing one replaces the address, so Back leaves the list at once. */
export function useFilters() {
  const route = useRoute()
  const router = useRouter()
  const filters = computed(() => readFilters(route.query))
  const sort = computed(() => readSort(route.query))
  const active = computed(() => FILTERS.filter((name) => filters.value[name] !== undefined))

  const home = route.name

  /** A late keystroke must not touch the address of the page a person has gone to meanwhile. */
  async function show(next: Filters, order: string): Promise<void> {
    if (route.name === home) await router.replace({ query: toQuery(next, order) })
  }

  return {
    filters,
    sort,
    active,
    set: (changed: Filters) => show({ ...filters.value, ...changed }, sort.value),
    setSort: (order: string) => show(filters.value, order),
    clear: () => show({}, sort.value),
  }
}
