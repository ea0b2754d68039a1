import type { Problem } from './types'

/** The server's refusal in its own words; `code` and `request_id` are for support. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem, readonly status: number) {
    super(problem.title)
    this.name = 'ProblemError'
  }
}

/** No answer at all: the network or the server is away. */
export class UnreachableError extends Error {
  constructor() {
    super('unreachable')
    this.name = 'UnreachableError'
  }
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body
}

/** Any error body as a problem; a proxy's HTML page becomes one without words of its own. */
export function toProblem(body: unknown, response: Response): ProblemError {
  const problem: Problem = isProblem(body)
    ? body
    : {
        code: `http.${response.status}`,
        title: '',
        detail: '',
        params: {},
        request_id: response.headers.get('x-request-id'),
        status: response.status,
      }
  return new ProblemError(problem, response.status)
}
