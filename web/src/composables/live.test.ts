import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type LiveOptions, openLive, type Stream } from './live'

class FakeStream implements Stream {
  closed = false
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>()

  addEventListener(name: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(name, listener)
  }

  close(): void {
    this.closed = true
  }

  say(name: string, data?: unknown): void {
    this.listeners.get(name)?.(new MessageEvent(name, { data: JSON.stringify(data ?? null) }))
  }
}

let streams: FakeStream[]

function open(): Stream {
  const stream = new FakeStream()
  streams.push(stream)
  return stream
}

function start(options: Partial<LiveOptions> = {}) {
  const poll = vi.fn<() => void>()
  const onEvent = vi.fn<(name: string, data: unknown) => void>()
  const lost = vi.fn<() => void>()
  const live = openLive({ url: '/events', names: ['import.progress'], onEvent, poll, pollEvery: 100, open, lost, ...options })
  return { live, poll, onEvent, lost }
}

const last = (): FakeStream => {
  const stream = streams.at(-1)
  if (!stream) throw new Error('nothing was opened')
  return stream
}

beforeEach(() => {
  streams = []
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('hands events over and does not poll while the stream is open', () => {
  const { live, poll, onEvent } = start()
  last().say('open')
  last().say('import.progress', { import_id: 7, done: 5 })
  vi.advanceTimersByTime(10_000)

  expect(live.state.value).toBe('live')
  expect(onEvent).toHaveBeenCalledExactlyOnceWith('import.progress', { import_id: 7, done: 5 })
  expect(poll).toHaveBeenCalledTimes(1)
})

it('polls while the stream is broken and comes back to it', () => {
  const { live, poll, lost } = start()
  last().say('open')
  expect(lost).not.toHaveBeenCalled()
  last().say('error')

  expect(lost).toHaveBeenCalledTimes(1)
  expect(live.state.value).toBe('polling')
  expect(last().closed).toBe(true)
  vi.advanceTimersByTime(950)
  expect(poll).toHaveBeenCalledTimes(1 + 9)
  expect(streams).toHaveLength(1)

  vi.advanceTimersByTime(50)
  expect(streams).toHaveLength(2)
  last().say('open')
  const afterReturn = poll.mock.calls.length
  vi.advanceTimersByTime(5_000)

  expect(live.state.value).toBe('live')
  expect(poll).toHaveBeenCalledTimes(afterReturn)
})

it('waits longer after every failure, up to half a minute', () => {
  start()
  for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    last().say('error')
    const before = streams.length
    vi.advanceTimersByTime(wait - 1)
    expect(streams).toHaveLength(before)
    vi.advanceTimersByTime(1)
    expect(streams).toHaveLength(before + 1)
  }
})

it('polls where streams cannot be opened at all', () => {
  const { live, poll } = start({
    open: () => {
      throw new Error('blocked')
    },
  })
  vi.advanceTimersByTime(300)

  expect(live.state.value).toBe('polling')
  expect(poll).toHaveBeenCalledTimes(3)
})

it('is silent once closed', () => {
  const { live, poll } = start()
  last().say('error')
  live.close()
  vi.advanceTimersByTime(60_000)

  expect(streams).toHaveLength(1)
  expect(poll).not.toHaveBeenCalled()
})
