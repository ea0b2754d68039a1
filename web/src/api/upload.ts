import { writeHeaders } from './client'
import { ProblemError, toProblem, UnreachableError } from './problem'
import { language, reachable, unauthenticated } from './state'
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
  const request = new XMLHttpRequest()
  const done = new Promise<Import>((resolve, reject) => {
    request.upload.addEventListener('progress', (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total)
    })
    request.addEventListener('load', () => {
      reachable.value = true
      const body = parse(request.responseText)
      const first = (body as { items?: Import[] } | null)?.items?.[0]
      if (request.status < 300 && first) return resolve(first)
      if (request.status === 401) unauthenticated.value += 1
      const headers = new Headers({ 'x-request-id': request.getResponseHeader('x-request-id') ?? '' })
      const problem: ProblemError = toProblem(body, new Response(null, { status: request.status || 500, headers }))
      return reject(problem)
    })
    request.addEventListener('error', () => {
      reachable.value = false
      reject(new UnreachableError())
    })
    request.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')))
  })
  const form = new FormData()
  form.append('files', file, file.name)
  request.open('POST', `/api/v1/imports?dry_run=${dryRun}`)
  request.setRequestHeader('Accept-Language', language.value)
  for (const [name, value] of Object.entries(writeHeaders('POST'))) request.setRequestHeader(name, value)
  request.send(form)
  return { done, cancel: () => request.abort() }
}
