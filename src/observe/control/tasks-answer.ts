import { z } from 'zod'
import type { TaskRegistry } from '../../concurrency/task-registry.ts'

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

/** Resident bytes of the processes that resources run, by the path of the resource. */
export type OwnedMemory = () => ReadonlyMap<string, number>

/** Makes the answer to `tasks.list`. */
export function tasksAnswer(node: string, tasks: TaskRegistry, ownedMemory: OwnedMemory): NodeTasks {
  const now = tasks.clock.now()
  const all = tasks.list()
  const { rss, heapUsed } = process.memoryUsage()
  return {
    node,
    pid: process.pid,
    memory: { rss, heap: heapUsed },
    handles: counted(process.getActiveResourcesInfo()),
    owners: ownersOf(counted(all.map(({ owner }) => owner)), ownedMemory()),
    tasks: all.map(({ startedAt, ...task }) => ({ ...task, seconds: (now - startedAt) / 1_000 })),
  }
}

function ownersOf(counts: Readonly<Record<string, number>>, memory: ReadonlyMap<string, number>) {
  const owners = [...new Set([...Object.keys(counts), ...memory.keys()])].sort()
  return owners.map(owner => {
    const resident = memory.get(owner)
    return { owner, tasks: counts[owner] ?? 0, ...(resident !== undefined && { memory: resident }) }
  })
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
