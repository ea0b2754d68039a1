import { ProblemError, toProblem, UnreachableError } from './problem'
import { authorization, ownHeaders, renew, renewalsSoFar } from './send'
import { reachable, unauthenticated } from './state'
import type { Import } from './types'

export interface Upload {
  done: Promise<Import>
  cancel: () => void
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Send one file. XMLHttpRequest, because fetch does not tell how much of the body has left. */
export function uploadFile(file: File, dryRun: boolean, onProgress: (share: number) => void): Upload {
  const headers = ownHeaders('POST')
  let request = new XMLHttpRequest()
  let cancelled = false

  function attempt(): Promise<XMLHttpRequest> {
    request = new XMLHttpRequest()
    const answered = new Promise<XMLHttpRequest>((resolve, reject) => {
      request.upload.addEventListener('progress', (event) => {
        if (event.lengthComputable) onProgress(event.loaded / event.total)
      })
      request.addEventListener('load', () => resolve(request))
      request.addEventListener('error', () => {
        reachable.value = false
        reject(new UnreachableError())
      })
      request.addEventListener('abort', () => reject(aborted()))
    })
    const form = new FormData()
    form.append('files', file, file.name)
    request.open('POST', `/api/v1/imports?dry_run=${dryRun}`)
    for (const [name, value] of Object.entries({ ...headers, ...authorization() })) request.setRequestHeader(name, value)
    request.send(form)
    return answered
  }

  async function carried(): Promise<Import> {
    const before = renewalsSoFar()
    let answer = await attempt()
    if (answer.status === 401 && !(await renew(before))) {
      if (cancelled) throw aborted()
      answer = await attempt()
    }
    reachable.value = true
    const body = parse(answer.responseText)
    const first = (body as { items?: Import[] } | null)?.items?.[0]
    if (answer.status < 300 && first) return first
    if (answer.status === 401) unauthenticated.value += 1
    throw refusal(body, answer)
  }

  return {
    done: carried(),
    cancel() {
      cancelled = true
      request.abort()
    },
  }
}

const aborted = (): DOMException => new DOMException('cancelled', 'AbortError')

function refusal(body: unknown, answer: XMLHttpRequest): ProblemError {
  const headers = new Headers({ 'x-request-id': answer.getResponseHeader('x-request-id') ?? '' })
  return toProblem(body, new Response(null, { status: answer.status || 500, headers }))
}
