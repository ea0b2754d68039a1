import { toProblem } from './problem'
import { send } from './send'

/** A file of the server. A plain link would not do: it can neither carry a token nor a session on. */
export async function fetchFile(address: string, name: string): Promise<File> {
  const response = await send(new Request(address))
  if (!response.ok) throw toProblem(await response.json().catch(() => null), response)
  return new File([await response.blob()], name)
}

export async function download(address: string, name: string): Promise<void> {
  const file = await fetchFile(address, name)
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = file.name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
