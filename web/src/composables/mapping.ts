import type { ColumnGuess, Mapping, MappingHelp, MappingTarget } from '@/api/types'

/** The choice of a column without a meaning of its own: it is kept as an extra fact. */
export const EXTRA = 'extra'
export const GENERIC = 'generic'
export const LONGEST_NAME = 60

const HOME = 'UZS'
/** Currencies the product keeps books in, the home one first. */
export const CURRENCIES = [HOME, 'USD', 'EUR', 'RUB', 'KZT', 'GBP', 'UAH']

const SAMPLES = 3

export interface MappingDraft {
  name: string
  target: string
  currency: string
  zone: string | undefined
  rowsPerOrder: boolean
  monthFirst: boolean
  /** What every column means: a field of the target, or `EXTRA`. */
  meanings: Record<string, string>
}

export interface MappedColumn extends ColumnGuess {
  /** Values of the first rows, empty ones left out. */
  samples: string[]
}

export type MappingProblem =
  | { kind: 'name' }
  | { kind: 'missing'; fields: string[] }
  | { kind: 'amount' }
  | { kind: 'number' }
  | { kind: 'twice'; field: string; columns: string[] }

/** The columns a person can speak of: named, and each name once (the first of equals is meant). */
export function columnsOf(help: MappingHelp): MappedColumn[] {
  const first = new Map<string, ColumnGuess>()
  for (const guess of help.columns) if (!first.has(guess.column)) first.set(guess.column, guess)
  return [...first.values()].map(({ column, field, why }) => {
    const at = help.header.indexOf(column)
    const filled = help.rows.map((row) => row[at]?.trim() ?? '').filter(Boolean)
    return { column, field, why, samples: filled.slice(0, SAMPLES) }
  })
}

/** What is suggested, to begin with; the mapping is called after the file. */
export function firstDraft(help: MappingHelp, fileName: string): MappingDraft {
  return {
    name: fileName.replace(/\.\w{1,5}$/, '').slice(0, LONGEST_NAME).trim(),
    target: GENERIC,
    currency: HOME,
    zone: undefined,
    rowsPerOrder: false,
    monthFirst: help.month_first,
    meanings: Object.fromEntries(columnsOf(help).map(({ column, field }) => [column, field ?? EXTRA])),
  }
}

/** The same choices for another target; meanings it does not know become extra. */
export function retarget(draft: MappingDraft, target: MappingTarget): MappingDraft {
  const meanings = Object.entries(draft.meanings).map(([column, field]) => [
    column,
    target.fields.includes(field) ? field : EXTRA,
  ])
  return { ...draft, target: target.name, meanings: Object.fromEntries(meanings) as Record<string, string> }
}

const chosen = (draft: MappingDraft): [column: string, field: string][] =>
  Object.entries(draft.meanings).filter(([, field]) => field !== EXTRA)

/** What still keeps the file from being imported, the way the server sees it. */
export function problemsOf(draft: MappingDraft, target: MappingTarget): MappingProblem[] {
  const columns = new Map<string, string[]>()
  for (const [column, field] of chosen(draft)) columns.set(field, [...(columns.get(field) ?? []), column])
  const found: MappingProblem[] = []
  const missing = target.required.filter((field) => !columns.has(field))
  if (missing.length) found.push({ kind: 'missing', fields: missing })
  if (target.name === GENERIC) {
    const multiplied = columns.has('quantity') && columns.has('unit_price')
    if (!columns.has('amount') && !multiplied) found.push({ kind: 'amount' })
    if (draft.rowsPerOrder && !columns.has('order_number')) found.push({ kind: 'number' })
  }
  for (const [field, of] of columns) if (of.length > 1) found.push({ kind: 'twice', field, columns: of })
  if (!draft.name.trim()) found.push({ kind: 'name' })
  return found
}

/** The draft as the server takes it. */
export function toMapping(draft: MappingDraft): Mapping {
  return {
    name: draft.name.trim(),
    target: draft.target,
    columns: Object.fromEntries(chosen(draft).map(([column, field]) => [field, column])),
    currency: draft.currency,
    zone: draft.zone ?? null,
    rows_per_order: draft.target === GENERIC && draft.rowsPerOrder,
    month_first: draft.monthFirst,
  }
}
