import type { Change } from '@/api/types'

export interface Step {
  version: number
  kind: string
  at: string
  actor: Change['actor']
  import_id: number | null
  file: string | null
  locator: Change['locator']
  reason: string | null
  fields: Change[]
}

/** Changes of one version belong together: one step of the timeline, the newest first; `changed` outweighs `filled`. */
export function toSteps(changes: readonly Change[]): Step[] {
  const steps = new Map<number, Step>()
  for (const change of changes) {
    const step: Step = steps.get(change.version) ?? { ...change, fields: [] }
    if (change.kind === 'changed') step.kind = change.kind
    if (change.field) step.fields.push(change)
    steps.set(change.version, step)
  }
  return [...steps.values()].toSorted((a, b) => b.version - a.version)
}
