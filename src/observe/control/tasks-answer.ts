import { z } from 'zod'
import type { TaskRegistry } from '../../concurrency/task-registry.ts'
import type { ProcessUsage } from '../process-usage.ts'

const bytes = z.number().min(0)

/** What a node answers to `tasks.list`. */
export const nodeTasks = z.object({
  node: z.string(),
  pid: z.int(),
  memory: z.object({ rss: bytes, heap: bytes }),
  /** What keeps the process alive, by the name that Node.js gives it, with how many there are. */
  handles: z.record(z.string(), z.int()),
  owners: z.array(
    z.object({
      owner: z.string(),
      tasks: z.int(),
      /** Resident bytes of the process that the owner runs, where it runs one and the system tells. */
      memory: bytes.exactOptional(),
      /**
       * Open file descriptors of that process. Node.js tells handles for a whole process only, so of an owner that works within the node's
       * own nobody can tell which are its: what can be counted of it are its tasks.
       */
      handles: z.int().exactOptional(),
    }),
  ),
  tasks: z.array(
    z.object({
      id: z.int(),
      name: z.string(),
      owner: z.string(),
      state: z.enum(['running', 'cancelling']),
      /** Since when it runs. */
      seconds: z.number(),
      parent: z.int().exactOptional(),
    }),
  ),
})

export type NodeTasks = z.output<typeof nodeTasks>

/** What the processes that resources run take up, by the path of the resource. */
export type OwnedProcesses = () => ReadonlyMap<string, ProcessUsage>

/** Makes the answer to `tasks.list`. */
export function tasksAnswer(node: string, tasks: TaskRegistry, ownedProcesses: OwnedProcesses): NodeTasks {
  const now = tasks.clock.now()
  const all = tasks.list()
  const { rss, heapUsed } = process.memoryUsage()
  return {
    node,
    pid: process.pid,
    memory: { rss, heap: heapUsed },
    handles: counted(process.getActiveResourcesInfo()),
    owners: ownersOf(counted(all.map(({ owner }) => owner)), ownedProcesses()),
    tasks: all.map(({ startedAt, ...task }) => ({ ...task, seconds: (now - startedAt) / 1_000 })),
  }
}

function ownersOf(counts: Readonly<Record<string, number>>, processes: ReadonlyMap<string, ProcessUsage>) {
  const owners = [...new Set([...Object.keys(counts), ...processes.keys()])].sort()
  return owners.map(owner => ({ owner, tasks: counts[owner] ?? 0, ...processes.get(owner) }))
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
