import { UnreachableError } from './problem'
import { language, reachable, unauthenticated } from './state'
import type { SignedIn, Tokens } from './types'

const REFRESH = '/api/v1/auth/refresh'
/** Here a 401 speaks of what was just shown, not of the session. */
const WAYS_IN = /^\/api\/v1\/auth\/(link|telegram|miniapp)$/
/** Where another window has won the race, its new cookies are a moment behind. */
const OTHER_WINDOW = 300

/** Tokens of a Mini App, which keeps no cookies: they end with its window. */
let held: Tokens | null = null
let renewals = 0
let renewing: Promise<Response | null> | null = null

export function holdTokens(tokens: Tokens | null): void {
  held = tokens
}

export const holdsTokens = (): boolean => held !== null

/** Headers of every request: the language, proof that it is this page that writes, and a key that makes a repeat harmless. */
export function ownHeaders(method: string): Record<string, string> {
  const headers: Record<string, string> = { 'Accept-Language': language.value }
  if (method === 'GET' || method === 'HEAD') return headers
  headers['X-Requested-With'] = 'vhm24r'
  if (method === 'POST') headers['Idempotency-Key'] = newKey()
  return headers
}

export function authorization(): Record<string, string> {
  return held ? { Authorization: `Bearer ${held.access_token}` } : {}
}

/** `crypto.randomUUID` exists only on HTTPS and localhost; a page on a local network needs the long way. */
function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Ask the server. When it does not know (any more) who asks, the session is carried on, and it is asked once more. */
export async function send(request: Request): Promise<Response> {
  try {
    const response = await asked(request)
    reachable.value = true
    if (response.status === 401) unauthenticated.value += 1
    return response
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    reachable.value = false
    throw new UnreachableError()
  }
}

async function asked(request: Request): Promise<Response> {
  add(request, ownHeaders(request.method))
  const again = request.clone()
  const before = renewals
  const response = await fetch(add(request, authorization()))
  if (response.status !== 401 || WAYS_IN.test(new URL(request.url).pathname)) return response
  const refusal = await renew(before)
  return refusal ?? fetch(add(again, authorization()))
}

function add(request: Request, headers: Record<string, string>): Request {
  for (const [name, value] of Object.entries(headers)) request.headers.set(name, value)
  return request
}

/** How often the session was carried on; whoever asks again says how often it was when the question left. */
export const renewalsSoFar = (): number => renewals

/** Carry the session on, once for everybody who asks meanwhile. Null when it is; else the server's refusal. */
export async function renew(before: number): Promise<Response | null> {
  if (before !== renewals) return null
  renewing ??= carryOn().finally(() => (renewing = null))
  const refusal = await renewing
  return refusal?.clone() ?? null
}

async function carryOn(): Promise<Response | null> {
  const response = await fetch(REFRESH, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Accept-Language': language.value, 'X-Requested-With': 'vhm24r' },
    body: JSON.stringify(held ? { refresh_token: held.refresh_token } : {}),
  })
  if (response.status === 409) await new Promise((resolve) => setTimeout(resolve, OTHER_WINDOW))
  else if (!response.ok) return response
  else if (held) held = ((await response.json()) as SignedIn).tokens
  renewals += 1
  return null
}
