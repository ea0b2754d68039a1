import createClient, { type Middleware } from 'openapi-fetch'
import { toProblem, UnreachableError } from './problem'
import type { paths } from './schema'
import { language, reachable, unauthenticated } from './state'

/** Headers every write carries: the first proves it is this page, the second makes a repeat harmless. */
export function writeHeaders(method: string): Record<string, string> {
  if (method === 'GET' || method === 'HEAD') return {}
  const headers: Record<string, string> = { 'X-Requested-With': 'vhm24r' }
  if (method === 'POST') headers['Idempotency-Key'] = newKey()
  return headers
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

const house: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', language.value)
    for (const [name, value] of Object.entries(writeHeaders(request.method))) request.headers.set(name, value)
    return request
  },
  onResponse({ response }) {
    reachable.value = true
    if (response.status === 401) unauthenticated.value += 1
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === 'AbortError') return error
    reachable.value = false
    return new UnreachableError()
  },
}

export const http = createClient<paths>({ baseUrl: '/' })
http.use(house)

interface Answer<Data> {
  data?: Data
  error?: unknown
  response: Response
}

/** The body of a success; everything else is thrown as a ProblemError. */
export async function answer<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await call
  if (!response.ok) throw toProblem(error, response)
  return data as Data
}
