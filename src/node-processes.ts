import { type ProcessUsage, processUsage, residentBytes } from './observe/process-usage.ts'
import type { Supervisor } from './supervision/types.ts'

/** Resident bytes of the processes that resources of a node run, by the path of the resource. Empty where the system does not tell. */
export function processMemory(root: Supervisor): ReadonlyMap<string, number> {
  return new Map(
    processes(root).flatMap(([path, pid]) => {
      const bytes = residentBytes(pid)
      return bytes === undefined ? [] : [[path, bytes] as const]
    }),
  )
}

/** All that those processes take up, by the path of the resource. */
export function ownedProcesses(root: Supervisor): ReadonlyMap<string, ProcessUsage> {
  return new Map(processes(root).map(([path, pid]) => [path, processUsage(pid)] as const))
}

/** The path of each resource whose client is a process of its own, and the id of the process. */
function processes(root: Supervisor): readonly (readonly [path: string, pid: number])[] {
  return root.children().flatMap(({ id }) => {
    const { client } = root.ref(id)
    const pid = (client as { readonly pid?: unknown } | undefined)?.pid
    return typeof pid === 'number' ? [[`${root.name}/${id}`, pid] as const] : []
  })
}
