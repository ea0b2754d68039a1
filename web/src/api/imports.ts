import { answer, http } from './client'
import { ProblemError } from './problem'
import type { Import, ImportRow, Issue, Mapping, MappingHelp, Outcome, Page, RememberedMapping, Sample } from './types'

const PAGE = 50

export const listImports = (cursor?: string): Promise<Page<Import>> =>
  answer(http.GET('/api/v1/imports', { params: { query: { limit: 20, cursor } } }))

export const getImport = (id: number): Promise<Import> =>
  answer(http.GET('/api/v1/imports/{import_id}', { params: { path: { import_id: id } } }))

export const listRows = (id: number, outcome?: Outcome, cursor?: string): Promise<Page<ImportRow>> =>
  answer(http.GET('/api/v1/imports/{import_id}/rows', { params: { path: { import_id: id }, query: { limit: PAGE, cursor, outcome } } }))

export const listIssues = (id: number, cursor?: string): Promise<Page<Issue>> =>
  answer(http.GET('/api/v1/imports/{import_id}/errors', { params: { path: { import_id: id }, query: { limit: PAGE, cursor } } }))

/** Apply a preview, an undone import once more, or one that failed: whatever `isRepeatable`. */
export const applyImport = (id: number): Promise<Import> =>
  answer(http.POST('/api/v1/imports/{import_id}/apply', { params: { path: { import_id: id } } }))

export const undoImport = (id: number): Promise<Import> =>
  answer(http.POST('/api/v1/imports/{import_id}/undo', { params: { path: { import_id: id } } }))

export const cancelImport = (id: number): Promise<Import> =>
  answer(http.POST('/api/v1/imports/{import_id}/cancel', { params: { path: { import_id: id } } }))

export const getMappingHelp = (id: number): Promise<MappingHelp> =>
  answer(http.GET('/api/v1/imports/{import_id}/mapping', { params: { path: { import_id: id } } }))

export const mapImport = (id: number, body: Mapping): Promise<Import> =>
  answer(http.POST('/api/v1/imports/{import_id}/mapping', { params: { path: { import_id: id } }, body }))

export const listMappings = async (): Promise<RememberedMapping[]> => (await answer(http.GET('/api/v1/mappings'))).items

export async function forgetMapping(name: string): Promise<void> {
  await answer(http.DELETE('/api/v1/mappings/{name}', { params: { path: { name } } }))
}

export const issuesFile = (id: number): string => `/api/v1/imports/${id}/errors?format=csv`

export const originalFile = (id: number): string => `/api/v1/imports/${id}/file`

/** Sample reports of the demo; elsewhere there are none and the server says so with 404. */
export async function listSamples(): Promise<Sample[]> {
  try {
    return (await answer(http.GET('/api/v1/demo/samples'))).items
  } catch (error) {
    if (error instanceof ProblemError && error.status === 404) return []
    throw error
  }
}

const IN_PROGRESS = new Set(['received', 'identified', 'parsed', 'checked'])

/** Whether it can still be stopped before anything is written. */
export const isCancellable = (item: Import): boolean => IN_PROGRESS.has(item.status)

/** Whether the server works on it, or takes it back, so that its numbers will move. */
export const isRunning = (item: Import): boolean => isCancellable(item) || Boolean(item.progress)

/** A preview that is complete and not yet applied. */
export const isPreview = (item: Import): boolean => item.status === 'dry_run'

const REPEATABLE = new Set(['dry_run', 'undone', 'failed'])

/** Whether it can run again from its original, as the server sees it. */
export const isRepeatable = (item: Import): boolean => REPEATABLE.has(item.status)

/** An import that a person stopped has failed for the server, but nothing is wrong with it. */
export const shownStatus = (item: Import): string =>
  item.status === 'failed' && item.error?.code === 'intake.cancelled' ? 'cancelled' : item.status
