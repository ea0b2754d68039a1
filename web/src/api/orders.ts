import { answer, http } from './client'
import type { paths } from './schema'
import type { MachineItem, Order, OrderPatch, OrderRow, Page, ProductItem, Version } from './types'

export type OrderQuery = NonNullable<paths['/api/v1/orders']['get']['parameters']['query']>

export const listOrders = (query: OrderQuery): Promise<Page<OrderRow>> =>
  answer(http.GET('/api/v1/orders', { params: { query } }))

export const getOrder = (number: string): Promise<Order> =>
  answer(http.GET('/api/v1/orders/{number}', { params: { path: { number } } }))

export const getVersion = (number: string, version: number): Promise<Version> =>
  answer(http.GET('/api/v1/orders/{number}/versions/{version}', { params: { path: { number, version } } }))

export const patchOrder = (number: string, body: OrderPatch): Promise<Order> =>
  answer(http.PATCH('/api/v1/orders/{number}', { params: { path: { number } }, body }))

export async function addNote(number: string, text: string): Promise<void> {
  await answer(http.POST('/api/v1/orders/{number}/notes', { params: { path: { number } }, body: { text } }))
}

export async function cancelOrder(number: string, reason: string): Promise<void> {
  await answer(http.DELETE('/api/v1/orders/{number}', { params: { path: { number }, query: { reason } } }))
}

export const listMachines = async (): Promise<MachineItem[]> => (await answer(http.GET('/api/v1/machines'))).items

export const listProducts = async (): Promise<ProductItem[]> => (await answer(http.GET('/api/v1/products'))).items
