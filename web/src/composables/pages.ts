import { computed, ref, shallowRef } from 'vue'
import type { Page } from '@/api/types'

/** A keyset list that grows page by page; an answer to an outdated question is dropped. */
export function usePages<Item>(load: (cursor?: string) => Promise<Page<Item>>) {
  const items = shallowRef<Item[]>([])
  const cursor = ref<string | null>(null)
  const total = ref<number | null>(null)
  const state = ref<'loading' | 'more' | 'ready' | 'failed'>('loading')
  const problem = shallowRef<unknown>(null)
  let question = 0
  let lastFrom: string | undefined

  async function ask(from?: string): Promise<void> {
    const mine = ++question
    lastFrom = from
    problem.value = null
    state.value = from ? 'more' : 'loading'
    try {
      const page = await load(from)
      if (mine !== question) return
      items.value = from ? [...items.value, ...page.items] : page.items
      cursor.value = page.next_cursor ?? null
      if (!from) total.value = page.total ?? null
      state.value = 'ready'
    } catch (error) {
      if (mine !== question) return
      problem.value = error
      if (!from) items.value = []
      state.value = 'failed'
    }
  }

  return {
    items,
    total,
    problem,
    loading: computed(() => state.value === 'loading'),
    loadingMore: computed(() => state.value === 'more'),
    hasMore: computed(() => cursor.value !== null),
    reload: () => ask(),
    /** Ask once more what failed: the list, or its next page. */
    retry: () => ask(lastFrom),
    loadMore: () => (cursor.value ? ask(cursor.value) : Promise.resolve()),
  }
}
