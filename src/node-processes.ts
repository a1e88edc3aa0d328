import { residentBytes } from './observe/process-memory.ts'
import type { Supervisor } from './supervision/types.ts'

/** Resident bytes of the processes that resources of a node run, by the path of the resource. Empty where the system does not tell. */
export function processMemory(root: Supervisor): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const { id } of root.children()) {
    const { client } = root.ref(id)
    const pid = (client as { readonly pid?: unknown } | undefined)?.pid
    const bytes = typeof pid === 'number' ? residentBytes(pid) : undefined
    if (bytes !== undefined) found.set(`${root.name}/${id}`, bytes)
  }
  return found
}
