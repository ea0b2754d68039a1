import { ref, shallowRef } from 'vue'

/** One thing from the server, with what went wrong when it could not be had. */
export function useOne<Thing>(load: () => Promise<Thing>) {
  const thing = shallowRef<Thing | null>(null)
  const problem = shallowRef<unknown>(null)
  const loading = ref(true)
  let question = 0

  async function reload(): Promise<void> {
    const mine = ++question
    loading.value = true
    try {
      const found = await load()
      if (mine !== question) return
      thing.value = found
      problem.value = null
    } catch (error) {
      if (mine === question) problem.value = error
    } finally {
      if (mine === question) loading.value = false
    }
  }

  return { thing, problem, loading, reload }
}
