import { computed, reactive } from 'vue'
import { type Upload, uploadFile } from '@/api/upload'
import type { Import } from '@/api/types'

const AT_ONCE = 2

export interface Sending {
  key: number
  file: File
  dryRun: boolean
  state: 'waiting' | 'sending' | 'failed'
  share: number
  problem: unknown
}

let keys = 0

/** Files on their way to the server, two at a time; a finished one is handed over and leaves the list. */
export function useUploads(onAccepted: (item: Import) => void) {
  const queue = reactive<Sending[]>([])
  const running = new Map<number, Upload>()

  function leave(key: number): void {
    const at = queue.findIndex((one) => one.key === key)
    if (at >= 0) queue.splice(at, 1)
  }

  async function send(one: Sending): Promise<void> {
    one.state = 'sending'
    one.share = 0
    one.problem = null
    const upload = uploadFile(one.file, one.dryRun, (share) => (one.share = share))
    running.set(one.key, upload)
    try {
      onAccepted(await upload.done)
      leave(one.key)
    } catch (error) {
      one.state = 'failed'
      one.problem = error
    } finally {
      running.delete(one.key)
      next()
    }
  }

  function next(): void {
    for (const one of queue) {
      if (running.size >= AT_ONCE) return
      if (one.state === 'waiting') void send(one)
    }
  }

  return {
    queue,
    busy: computed(() => queue.some((one) => one.state === 'waiting' || one.state === 'sending')),
    add(files: File[], dryRun: boolean): void {
      for (const file of files) {
        queue.push({ key: ++keys, file, dryRun, state: 'waiting', share: 0, problem: null })
      }
      next()
    },
    retry(one: Sending): void {
      one.state = 'waiting'
      next()
    },
    remove(one: Sending): void {
      running.get(one.key)?.cancel()
      leave(one.key)
    },
  }
}
