import { expect, it } from 'vitest'
import type { Change } from '@/api/types'
import { factNames } from './facts'
import { toSteps } from './versions'

function change(version: number, field: string): Change {
  return {
    version,
    kind: version === 1 ? 'new' : 'changed',
    field,
    old: null,
    new: 'x',
    at: '2026-11-20T10:00:00Z',
    actor: { kind: 'system', id: null, name: 'vhm24r' },
    import_id: version,
    file: null,
    locator: null,
    reason: null,
  }
}

it('gathers the changes of a version into one step, the newest first', () => {
  const steps = toSteps([change(1, 'product'), change(2, 'amount'), change(1, 'taste')])

  expect(steps.map((step) => [step.version, step.fields.map((one) => one.field)])).toEqual([
    [2, ['amount']],
    [1, ['product', 'taste']],
  ])
})

it('shows filled fields in their order, unknown ones last, and not what is shown elsewhere', () => {
  const fields = { later: 'x', product: 'Latte', occurred_at: '2026-11-20T10:00:00Z', taste: null, card: '', currency: 'UZS' }

  expect(factNames(fields)).toEqual(['occurred_at', 'product', 'later'])
})
