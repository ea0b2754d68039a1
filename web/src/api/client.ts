import createClient from 'openapi-fetch'
import { toProblem } from './problem'
import type { paths } from './schema'
import { send } from './send'

export const http = createClient<paths, 'application/json'>({ baseUrl: '/', fetch: send })

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
