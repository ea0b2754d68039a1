import { expect, it, vi } from 'vitest'
import type { Page } from '@/api/types'
import { usePages } from './pages'

const page = (items: number[], next: string | null = null): Page<number> => ({ items, next_cursor: next, total: 4 })

it('grows page by page', async () => {
  const list = usePages((cursor) => Promise.resolve(cursor ? page([3, 4]) : page([1, 2], 'next')))
  await list.reload()
  expect(list.items.value).toEqual([1, 2])
  expect(list.hasMore.value).toBe(true)

  await list.loadMore()
  expect(list.items.value).toEqual([1, 2, 3, 4])
  expect(list.hasMore.value).toBe(false)
  expect(list.total.value).toBe(4)
})

it('drops the answer to an outdated question', async () => {
  const answers: ((found: Page<number>) => void)[] = []
  const list = usePages<number>(() => new Promise((resolve) => answers.push(resolve)))
  const first = list.reload()
  const second = list.reload()
  answers[1]?.(page([2]))
  answers[0]?.(page([1]))
  await Promise.all([first, second])

  expect(list.items.value).toEqual([2])
})

it('keeps what it has when the next page fails, and asks for that page again', async () => {
  const load = vi.fn<(cursor?: string) => Promise<Page<number>>>()
  load.mockResolvedValueOnce(page([1], 'next')).mockRejectedValueOnce(new Error('away')).mockResolvedValueOnce(page([2]))
  const list = usePages(load)
  await list.reload()
  await list.loadMore()
  expect(list.items.value).toEqual([1])
  expect(list.problem.value).toEqual(new Error('away'))

  await list.retry()
  expect(load).toHaveBeenLastCalledWith('next')
  expect(list.items.value).toEqual([1, 2])
  expect(list.problem.value).toBeNull()
})

it('shows nothing under a failure of the list itself', async () => {
  const load = vi.fn<() => Promise<Page<number>>>()
  load.mockResolvedValueOnce(page([1])).mockRejectedValueOnce(new Error('away'))
  const list = usePages(load)
  await list.reload()
  await list.reload()

  expect(list.items.value).toEqual([])
})
