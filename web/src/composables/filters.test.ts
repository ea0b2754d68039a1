import { expect, it } from 'vitest'
import { NEWEST_FIRST, readFilters, readSort, toQuery, toRequest } from './filters'

it('reads from the URL what it wrote into it', () => {
  const filters = { q: 'латте', machine: 'VM-1', import_id: '12', amount_min: '100' }

  expect(readFilters(toQuery(filters, 'amount'))).toEqual(filters)
  expect(readSort(toQuery(filters, 'amount'))).toBe('amount')
})

it('leaves out what is empty, unknown or usual', () => {
  expect(toQuery({ q: '  ', tag: 'vip' }, NEWEST_FIRST)).toEqual({ tag: 'vip' })
  expect(readFilters({ tag: ['a', 'b'], stranger: 'x', q: '' })).toEqual({})
  expect(readSort({ sort: 'password' })).toBe(NEWEST_FIRST)
})

it('asks the server for the filters and the order of the list', () => {
  expect(toRequest({ tag: 'vip' }, NEWEST_FIRST)).toEqual({ tag: 'vip', sort: NEWEST_FIRST })
})
