import { shallowRef } from 'vue'
import { listMachines, listProducts } from '@/api/orders'
import type { MachineItem, ProductItem } from '@/api/types'

const machines = shallowRef<MachineItem[]>([])
const products = shallowRef<ProductItem[]>([])
let asked: Promise<unknown> | null = null

/** Machines and products to choose from, asked for once; without them one can still type. */
export function useLists() {
  asked ??= Promise.allSettled([
    listMachines().then((found) => (machines.value = found)),
    listProducts().then((found) => (products.value = found)),
  ])
  return { machines, products }
}
