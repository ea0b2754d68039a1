import { answer, http } from './client'
import { ProblemError } from './problem'
import type { Import, ImportRow, Issue, Outcome, Page, Sample } from './types'

const PAGE = 50

export const listImports = (cursor?: string): Promise<Page<Import>> =>
  answer(http.GET('/api/v1/imports', { params: { query: { limit: 20, cursor } } }))

export const getImport = (id: number): Promise<Import> =>
  answer(http.GET('/api/v1/imports/{import_id}', { params: { path: { import_id: id } } }))

export const listRows = (id: number, outcome?: Outcome, cursor?: string): Promise<Page<ImportRow>> =>
  answer(http.GET('/api/v1/imports/{import_id}/rows', { params: { path: { import_id: id }, query: { limit: PAGE, cursor, outcome } } }))

export const listIssues = (id: number): Promise<Page<Issue>> =>
  answer(http.GET('/api/v1/imports/{import_id}/errors', { params: { path: { import_id: id } } }))

export const applyImport = (id: number): Promise<Import> =>
  answer(http.POST('/api/v1/imports/{import_id}/apply', { params: { path: { import_id: id } } }))

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

/** Whether the server still works on it, so that its numbers will move. */
export const isRunning = (item: Import): boolean => IN_PROGRESS.has(item.status)

/** A preview that is complete and not yet applied. */
export const isPreview = (item: Import): boolean => item.status === 'dry_run'
