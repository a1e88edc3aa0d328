import type { Config } from './config/schema.ts'
import type { ConsoleClient } from './console/console-server.ts'
import { ExovisorError } from './errors.ts'
import type { NodeView } from './node-console.ts'
import { ownedProcesses } from './node-processes.ts'
import type { NodeRoot } from './node-root.ts'
import { type ControlInput, controlServer } from './observe/control/control-server.ts'
import { controlDirectory, controlSocket } from './observe/control/socket-path.ts'
import { tasksAnswer } from './observe/control/tasks-answer.ts'
import { ViewerSession } from './observe/view/viewer-session.ts'
import type { ResourceRef } from './resources/types.ts'

/** Starts the control socket of a node, unless it is switched off. */
export async function startControl(
  { control }: Config,
  { root, tasks }: NodeRoot,
  self: { readonly name: string; readonly nodeId: string },
  parts: { readonly console: ResourceRef<ConsoleClient> | undefined; readonly seen: NodeView },
): Promise<void> {
  if (!control.enabled) return
  const path = control.socket ?? controlSocket(controlDirectory(), { name: self.name, id: self.nodeId })
  const handlers = {
    'tasks.list': () => tasksAnswer(self.name, tasks, () => ownedProcesses(root)),
    'console.address': () => consoleAddress(parts.console),
  }
  const { view, ports } = parts.seen
  const streams: ControlInput['streams'] = {
    // A command that looks has nothing to say.
    'view.watch': (_, link) => new ViewerSession(view, link, ports),
  }
  await root.start({ id: 'control', resource: controlServer, input: { path, handlers, streams } })
}

/** @throws EXO_RESOURCE_CLOSED when it is switched off, or does not run at the moment */
function consoleAddress(console: ResourceRef<ConsoleClient> | undefined): { readonly url: string } {
  const { url } = console?.client ?? {}
  if (url !== undefined) return { url }
  const why = console ? `is ${console.state}` : 'is switched off by console.enabled'
  throw new ExovisorError('EXO_RESOURCE_CLOSED', `the console of this node ${why}`)
}
