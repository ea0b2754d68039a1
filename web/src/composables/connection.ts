import { onScopeDispose, watch } from 'vue'
import { reachable, returns } from '@/api/state'

const ASK_EVERY = 4_000

function lost(): void {
  reachable.value = false
}

async function ask(): Promise<void> {
  try {
    const response = await fetch('/health', { cache: 'no-store' })
    if (response.status < 500) reachable.value = true
  } catch {
    // Still away.
  }
}

/** While the server is away, ask again and again whether it is back; then tell those who wait. */
export function useConnection(onBack: () => void) {
  let asking: ReturnType<typeof setInterval> | undefined

  watch(
    reachable,
    (back, before) => {
      clearInterval(asking)
      if (!back) asking = setInterval(ask, ASK_EVERY)
      else if (before === false) onBack()
    },
    { immediate: true },
  )

  addEventListener('offline', lost)
  addEventListener('online', ask)
  onScopeDispose(() => {
    clearInterval(asking)
    removeEventListener('offline', lost)
    removeEventListener('online', ask)
  })
}

/** Read again what the screen shows once the server is back. */
export function onReturn(reload: () => unknown): void {
  watch(returns, () => reload())
}
