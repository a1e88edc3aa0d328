import { join } from 'node:path'
import type { Config } from './config/schema.ts'
import type { NodeRoot } from './node-root.ts'
import { resourceMonitor } from './observe/monitor/create-monitor.ts'
import type { Traffic } from './observe/monitor/figure-reader.ts'

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
