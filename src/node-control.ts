import { realClock } from './concurrency/clock.ts'
import type { Config } from './config/schema.ts'
import type { ConsoleClient } from './console/console-server.ts'
import { ExovisorError } from './errors.ts'
import type { NodeView } from './node-console.ts'
import { monitorOf, nodeCommands } from './node-monitor.ts'
import { ownedProcesses } from './node-processes.ts'
import type { NodeRoot } from './node-root.ts'
import { type ControlInput, controlServer } from './observe/control/control-server.ts'
import { resourceHandlers } from './observe/control/resource-handlers.ts'
import { controlDirectory, controlSocket } from './observe/control/socket-path.ts'
import { tasksAnswer } from './observe/control/tasks-answer.ts'
import { ViewerSession } from './observe/view/viewer-session.ts'
import type { ResourceRef } from './resources/types.ts'
import { version } from './version.ts'

/** Starts the control socket of a node, unless it is switched off. */
export async function startControl(
  { control }: Config,
  { root, registry, journal, tasks }: NodeRoot,
  self: { readonly name: string; readonly nodeId: string },
  parts: { readonly console: ResourceRef<ConsoleClient> | undefined; readonly seen: NodeView },
): Promise<void> {
  if (!control.enabled) return
  const path = control.socket ?? controlSocket(controlDirectory(), { name: self.name, id: self.nodeId })
  const handlers = {
    'tasks.list': () => tasksAnswer(self.name, tasks, () => ownedProcesses(root)),
    'console.address': () => consoleAddress(parts.console),
    ...resourceHandlers({
      node: { name: self.name, id: self.nodeId, version },
      root,
      registry,
      journal,
      commands: nodeCommands(root, registry),
      monitor: () => monitorOf(root),
      clock: realClock,
      now: Date.now,
    }),
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
