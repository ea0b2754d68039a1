import { computed, onScopeDispose, ref, type Ref, watch } from 'vue'
import { getImport, isRunning } from '@/api/imports'
import type { Import } from '@/api/types'
import { type Live, type LiveState, openLive } from './live'

interface Told {
  import_id: number
  status: string
  phase?: string | null
  done?: number | null
  total?: number | null
}

/** Keeps the given imports up to date while any of them is running; idle pages hold no connection. */
export function useWatchedImports(items: Ref<Import[]>, onFinished?: (item: Import) => void) {
  const state = ref<LiveState>('connecting')
  const running = computed(() => items.value.filter(isRunning).map((item) => item.id))
  let live: Live | null = null

  function replace(fresh: Import): void {
    const before = items.value.find((item) => item.id === fresh.id)
    items.value = items.value.map((item) => (item.id === fresh.id ? fresh : item))
    if (before && isRunning(before) && !isRunning(fresh)) onFinished?.(fresh)
  }

  async function refresh(id: number): Promise<void> {
    try {
      replace(await getImport(id))
    } catch {
      // The next event or poll asks again; the banner tells when the server is away.
    }
  }

  function hear(name: string, data: unknown): void {
    const told = data as Told
    const item = items.value.find((one) => one.id === told.import_id)
    if (!item) return
    if (name === 'import.finished' || !told.phase) {
      void refresh(item.id)
      return
    }
    const progress = { phase: told.phase, done: told.done ?? 0, total: told.total ?? null }
    replace({ ...item, status: told.status, progress })
  }

  function stop(): void {
    live?.close()
    live = null
  }

  watch(
    () => running.value.length > 0,
    (busy) => {
      if (!busy) return stop()
      live ??= openLive({
        url: '/api/v1/events?topics=imports',
        names: ['import.progress', 'import.finished'],
        onEvent: hear,
        poll: () => Promise.all(running.value.map(refresh)),
      })
      watch(live.state, (now) => (state.value = now), { immediate: true })
    },
    { immediate: true },
  )
  onScopeDispose(stop)

  return { state }
}
