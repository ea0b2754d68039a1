import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { UnreachableError } from './problem'
import { holdTokens, send } from './send'
import { reachable, unauthenticated } from './state'

const HOST = 'http://localhost'
const REFRESH = '/api/v1/auth/refresh'

interface Asked {
  path: string
  body: string
  headers: Headers
}

let asked: Asked[]
let valid: string
let refresh: () => Response | Promise<Response>

const json = (status: number, body: object = {}): Response => Response.json(body, { status })
const refreshes = (): Asked[] => asked.filter(({ path }) => path === REFRESH)
const post = (body: string): Request => new Request(`${HOST}/api/v1/imports`, { method: 'POST', body })

/** A server whose cookie is no good until the refresh makes it so; `valid` is what it then wants as a token. */
async function server(input: Request | string, init?: RequestInit): Promise<Response> {
  const request = typeof input === 'string' ? new Request(HOST + input, init) : input
  const path = new URL(request.url).pathname
  asked.push({ path, body: await request.text(), headers: request.headers })
  if (path === REFRESH) return refresh()
  const shown = request.headers.get('Authorization') ?? cookie
  return shown === valid ? json(200, { ok: true }) : json(401, { code: 'identity.token_expired', title: 'x', detail: 'x' })
}

let cookie: string

beforeEach(() => {
  asked = []
  valid = 'new'
  cookie = 'old'
  refresh = () => {
    cookie = 'new'
    return json(200, { tokens: null })
  }
  vi.stubGlobal('fetch', vi.fn<typeof server>(server))
})
afterEach(() => {
  holdTokens(null)
  reachable.value = true
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('carries the session on once for all who ask at the same time, and repeats each with its body and key', async () => {
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((body) => send(post(body))))

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(refreshes()).toHaveLength(1)
  expect(refreshes()[0]?.body).toBe('{}')
  expect(refreshes()[0]?.headers.get('X-Requested-With')).toBe('vhm24r')
  for (const body of ['a', 'b', 'c', 'd']) {
    const keys = asked.filter((one) => one.body === body).map(({ headers }) => headers.get('Idempotency-Key'))
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
  }
})

it('does not refresh again for a refusal that left before the refresh', async () => {
  vi.mocked(fetch).mockImplementationOnce(async () => {
    await vi.waitFor(() => expect(asked).toHaveLength(3))
    return json(401)
  })
  const first = send(post('slow'))
  await send(post('quick'))

  expect((await first).status).toBe(200)
  expect(refreshes()).toHaveLength(1)
})

it('waits a moment where another window was first, and repeats', async () => {
  vi.useFakeTimers()
  refresh = () => {
    setTimeout(() => (cookie = 'new'), 200)
    return json(409, { code: 'identity.refresh_raced' })
  }
  const answer = send(post('a'))
  await vi.advanceTimersByTimeAsync(299)
  expect(asked).toHaveLength(2)
  await vi.advanceTimersByTimeAsync(1)

  expect((await answer).status).toBe(200)
})

it('tells of an ended session once per question, and repeats nothing', async () => {
  refresh = () => json(401, { code: 'identity.session_ended', title: 'x', detail: 'x' })
  const before = unauthenticated.value
  const answers = await Promise.all([send(post('a')), send(post('b'))])

  expect(await Promise.all(answers.map((answer) => answer.json()))).toMatchObject([
    { code: 'identity.session_ended' },
    { code: 'identity.session_ended' },
  ])
  expect(unauthenticated.value - before).toBe(2)
  expect(asked).toHaveLength(3)
})

it('does not take a server in trouble for the end of the session', async () => {
  const before = unauthenticated.value
  refresh = () => json(503)
  expect((await send(post('a'))).status).toBe(503)
  refresh = () => Promise.reject(new TypeError('away'))
  await expect(send(post('a'))).rejects.toBeInstanceOf(UnreachableError)

  expect(unauthenticated.value).toBe(before)
  expect(reachable.value).toBe(false)
})

it('leaves a refused sign-in as it is', async () => {
  expect((await send(new Request(`${HOST}/api/v1/auth/telegram`, { method: 'POST', body: '{}' }))).status).toBe(401)
  expect(asked).toHaveLength(1)
})

it('carries a Mini App on by its own tokens', async () => {
  valid = 'Bearer two'
  holdTokens({ access_token: 'one', refresh_token: 'r1', expires_in: 900 })
  refresh = () => json(200, { tokens: { access_token: 'two', refresh_token: 'r2', expires_in: 900 } })

  expect((await send(post('a'))).status).toBe(200)
  expect(JSON.parse(refreshes()[0]?.body ?? '')).toEqual({ refresh_token: 'r1' })
})
