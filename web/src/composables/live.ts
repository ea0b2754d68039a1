import { type Ref, ref } from 'vue'
import { getMe } from '@/api/people'
import { holdsTokens } from '@/api/send'

export type LiveState = 'connecting' | 'live' | 'polling'

/** The part of EventSource that is used; tests give their own. */
export interface Stream {
  addEventListener: (name: string, listener: (event: MessageEvent<string>) => void) => void
  close: () => void
}

export interface LiveOptions {
  url: string
  names: string[]
  onEvent: (name: string, data: unknown) => void
  /** Reads the truth once: after every (re)connection, and again and again while there is no stream. */
  poll: () => unknown
  pollEvery?: number
  open?: (url: string) => Stream
  /** A stream does not say why it broke: where the session was to be carried on, this does it. */
  lost?: () => unknown
}

export interface Live {
  state: Ref<LiveState>
  close: () => void
}

const FIRST_WAIT = 1_000
const LONGEST_WAIT = 30_000

function openStream(url: string): Stream {
  if (holdsTokens()) throw new Error('a stream carries no token: poll')
  return new EventSource(url) as unknown as Stream
}

/** Server-Sent Events that come back after a break; meanwhile, and where they are blocked, polling. */
export function openLive(options: LiveOptions): Live {
  const { url, names, onEvent, poll, pollEvery = 3_000 } = options
  const { open = openStream, lost = () => getMe().catch(() => null) } = options
  const state = ref<LiveState>('connecting')
  let stream: Stream | null = null
  let waits = 0
  let closed = false
  let polling: ReturnType<typeof setInterval> | undefined
  let reconnecting: ReturnType<typeof setTimeout> | undefined

  function connected(): void {
    state.value = 'live'
    waits = 0
    clearInterval(polling)
    polling = undefined
    poll()
  }

  function broken(): void {
    stream?.close()
    stream = null
    if (closed) return
    state.value = 'polling'
    lost()
    polling ??= setInterval(poll, pollEvery)
    reconnecting = setTimeout(connect, Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** waits))
    waits += 1
  }

  function connect(): void {
    try {
      stream = open(url)
    } catch {
      broken()
      return
    }
    stream.addEventListener('open', connected)
    stream.addEventListener('error', broken)
    for (const name of names) {
      stream.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data)))
    }
  }

  connect()

  return {
    state,
    close() {
      closed = true
      stream?.close()
      clearInterval(polling)
      clearTimeout(reconnecting)
    },
  }
}
