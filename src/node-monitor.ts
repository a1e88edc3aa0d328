import { join } from 'node:path'
import { realClock } from './concurrency/clock.ts'
import type { Config } from './config/schema.ts'
import type { NodeRoot } from './node-root.ts'
import { resourceMonitor } from './observe/monitor/create-monitor.ts'
import type { Traffic } from './observe/monitor/figure-reader.ts'
import type { ResourceMonitor } from './observe/monitor/types.ts'
import { type ResourceCommands, resourceCommands } from './observe/view/commands.ts'
import type { Registry } from './resources/registry.ts'
import type { Supervisor } from './supervision/types.ts'

/** A monitor that restarts is waited for, but not for ever. */
const MONITOR_TIMEOUT_MS = 2_000

/** Starts the monitor of a node. Its history is a file where the configuration names one, or a directory for the state of the node. */
export async function startMonitor(
  { monitor, node }: Config,
  { root, registry, events }: NodeRoot,
  traffic: () => Traffic,
): Promise<void> {
  const { interval, retention, degraded, restarts, memory, delay } = monitor
  const history =
    monitor.history ?? (node.state === undefined ? undefined : join(node.state, 'history.sqlite'))
  await root.start({
    id: 'monitor',
    resource: resourceMonitor,
    input: {
      root,
      registry,
      events,
      interval,
      retention,
      thresholds: { degraded, restarts, memory, delay },
      ...(history !== undefined && { history }),
      traffic,
    },
  })
}

/** The monitor of a node, as soon as it is READY. @throws EXO_READY_TIMEOUT */
export const monitorOf = (root: Supervisor): Promise<ResourceMonitor> =>
  root.ref(resourceMonitor, 'monitor').ready({ timeout: MONITOR_TIMEOUT_MS })

/** Commands to the resources of a node: what is reset is forgotten by the monitor too. */
export function nodeCommands(root: Supervisor, registry: Registry): ResourceCommands {
  const commands = resourceCommands(root, registry, { clock: realClock })
  return {
    async run(command, path, reason) {
      const result = await commands.run(command, path, reason)
      if (command === 'reset') (await monitorOf(root)).forget(path)
      return result
    },
  }
}
