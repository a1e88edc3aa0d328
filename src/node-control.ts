import type { Config } from './config/schema.ts'
import type { NodeRoot } from './node-root.ts'
import { controlServer } from './observe/control/control-server.ts'
import { controlDirectory, controlSocket } from './observe/control/socket-path.ts'
import { tasksAnswer } from './observe/control/tasks-answer.ts'
import { residentBytes } from './observe/process-memory.ts'

/** Starts the control socket of a node, unless it is switched off. */
export async function startControl(
  { control }: Config,
  { root, tasks }: NodeRoot,
  self: { readonly name: string; readonly nodeId: string },
): Promise<void> {
  if (!control.enabled) return
  const path = control.socket ?? controlSocket(controlDirectory(), { name: self.name, id: self.nodeId })
  const handlers = { 'tasks.list': () => tasksAnswer(self.name, tasks, () => processMemory(root)) }
  await root.start({ id: 'control', resource: controlServer, input: { path, handlers } })
}

/** Resident bytes of the processes that resources run, by the path of the resource. */
function processMemory(root: NodeRoot['root']): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const { id } of root.children()) {
    const { client } = root.ref(id)
    const pid = (client as { readonly pid?: unknown } | undefined)?.pid
    const bytes = typeof pid === 'number' ? residentBytes(pid) : undefined
    if (bytes !== undefined) found.set(`${root.name}/${id}`, bytes)
  }
  return found
}
