import { ref } from 'vue'
import { useProblems } from './problems'

/** What a button does: busy while it runs, pressed once at a time, and told of when it fails. */
export function useAction(run: () => Promise<void>) {
  const { tell } = useProblems()
  const busy = ref(false)

  /** Whether it worked. */
  async function act(): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    try {
      await run()
      return true
    } catch (error) {
      tell(error)
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, act }
}
