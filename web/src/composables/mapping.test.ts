import { describe, expect, it } from 'vitest'
import type { MappingHelp, MappingTarget } from '@/api/types'
import { columnsOf, EXTRA, firstDraft, type MappingDraft, problemsOf, retarget, toMapping } from './mapping'

const GENERIC: MappingTarget = {
  name: 'generic',
  fields: ['order_number', 'occurred_at', 'amount', 'quantity', 'unit_price', 'product'],
  required: ['occurred_at'],
}
const SALES: MappingTarget = { name: 'vendhub', fields: ['external_id', 'occurred_at', 'amount'], required: ['external_id', 'occurred_at'] }

const HELP: MappingHelp = {
  header: ['When', '', 'Total', 'Till', 'Till'],
  rows: [
    ['01.02.2026', 'x', '15000', '', '7'],
    ['02.02.2026', 'y', ' ', '', '8'],
    ['03.02.2026', 'y', '9000', '', '9'],
    ['04.02.2026', 'y', '1000', 'north', '9'],
    ['05.02.2026'],
  ],
  columns: [
    { column: 'When', field: 'occurred_at', why: 'values' },
    { column: 'Total', field: 'amount', why: 'name' },
    { column: 'Till', field: null, why: null },
    { column: 'Till', field: null, why: null },
  ],
  month_first: true,
  targets: [GENERIC, SALES],
}

const draft = (changes: Partial<MappingDraft> = {}): MappingDraft => ({ ...firstDraft(HELP, 'shop.2026.csv'), ...changes })

describe('the first draft', () => {
  it('takes the suggestions, the order of day and month, and the name of the file', () => {
    expect(draft()).toMatchObject({
      name: 'shop.2026',
      target: 'generic',
      monthFirst: true,
      meanings: { When: 'occurred_at', Total: 'amount', Till: EXTRA },
    })
    expect(problemsOf(draft(), GENERIC)).toEqual([])
  })

  it('keeps the name short enough', () => {
    expect(firstDraft(HELP, `${'a'.repeat(80)}.xlsx`).name).toHaveLength(60)
  })
})

it('shows every named column once, with values of the first rows', () => {
  expect(columnsOf(HELP).map(({ column, samples }) => [column, samples])).toEqual([
    ['When', ['01.02.2026', '02.02.2026', '03.02.2026']],
    ['Total', ['15000', '9000', '1000']],
    ['Till', ['north']],
  ])
})

describe('the check', () => {
  it('names the time and the amount', () => {
    expect(problemsOf(draft({ meanings: { When: EXTRA, Total: EXTRA } }), GENERIC)).toEqual([
      { kind: 'missing', fields: ['occurred_at'] },
      { kind: 'amount' },
    ])
  })

  it('takes quantity and unit price for the amount, but not one of them alone', () => {
    const both = { When: 'occurred_at', Total: 'unit_price', Till: 'quantity' }
    expect(problemsOf(draft({ meanings: both }), GENERIC)).toEqual([])
    expect(problemsOf(draft({ meanings: { ...both, Till: EXTRA } }), GENERIC)).toEqual([{ kind: 'amount' }])
  })

  it('asks for a number when several rows are one order', () => {
    expect(problemsOf(draft({ rowsPerOrder: true }), GENERIC)).toEqual([{ kind: 'number' }])
  })

  it('refuses a field for two columns', () => {
    const meanings = { When: 'occurred_at', Total: 'amount', Till: 'amount' }
    expect(problemsOf(draft({ meanings }), GENERIC)).toEqual([{ kind: 'twice', field: 'amount', columns: ['Total', 'Till'] }])
  })

  it('asks for a name', () => {
    expect(problemsOf(draft({ name: '  ' }), GENERIC)).toEqual([{ kind: 'name' }])
  })

  it('asks for what a known report must have, and for no more', () => {
    expect(problemsOf(draft({ target: 'vendhub', rowsPerOrder: true, meanings: { When: 'occurred_at' } }), SALES)).toEqual([
      { kind: 'missing', fields: ['external_id'] },
    ])
  })
})

it('keeps the meanings that another target knows too', () => {
  const other = retarget(draft({ meanings: { When: 'occurred_at', Total: 'amount', Till: 'product' } }), SALES)

  expect(other.target).toBe('vendhub')
  expect(other.meanings).toEqual({ When: 'occurred_at', Total: 'amount', Till: EXTRA })
})

it('goes to the server as field → column, without what is kept as extra', () => {
  expect(toMapping(draft({ name: ' Shop ', zone: 'Asia/Almaty', rowsPerOrder: true }))).toEqual({
    name: 'Shop',
    target: 'generic',
    columns: { occurred_at: 'When', amount: 'Total' },
    currency: 'UZS',
    zone: 'Asia/Almaty',
    rows_per_order: true,
    month_first: true,
  })
  expect(toMapping(draft({ target: 'vendhub', rowsPerOrder: true })).rows_per_order).toBe(false)
})
