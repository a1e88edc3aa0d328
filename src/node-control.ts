import type { Config } from './config/schema.ts'
import { processMemory } from './node-processes.ts'
import type { NodeRoot } from './node-root.ts'
import { controlServer } from './observe/control/control-server.ts'
import { controlDirectory, controlSocket } from './observe/control/socket-path.ts'
import { tasksAnswer } from './observe/control/tasks-answer.ts'

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
