import { computed } from 'vue'
import { useRemembered } from './remembered'

/** Columns of the orders table in their order; the number is always there, it is the link. */
export const COLUMNS = ['number', 'mark', 'time', 'machine', 'product', 'payment', 'amount', 'status', 'channel', 'tags'] as const
export type Column = (typeof COLUMNS)[number]

const AT_FIRST: Record<Column, boolean> = {
  number: true,
  mark: true,
  time: true,
  machine: true,
  product: true,
  payment: true,
  amount: true,
  status: true,
  channel: false,
  tags: false,
}

export function useColumns() {
  const visible = useRemembered('orders.columns', AT_FIRST)
  return {
    visible,
    choices: computed(() => COLUMNS.filter((column) => column !== 'number')),
    toggle(column: Column, shown: boolean): void {
      visible.value = { ...visible.value, [column]: shown, number: true }
    },
  }
}
