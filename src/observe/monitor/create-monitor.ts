import { lifecycle } from '../../../machines/lifecycle.ts'
import { type Clock, realClock } from '../../concurrency/clock.ts'
import { toErrorRecord } from '../../errors.ts'
import { createResource } from '../../resources/create.ts'
import { defineResource } from '../../resources/define.ts'
import type { Registry } from '../../resources/registry.ts'
import type { ResourceLog } from '../../resources/types.ts'
import type { EventStream } from '../../supervision/events/stream.ts'
import type { SupervisorClient } from '../../supervision/types.ts'
import { HistoryFile } from '../history/file.ts'
import { History } from '../history/history.ts'
import { type Measured, measureProcess, type Traffic } from './figure-reader.ts'
import { Monitoring } from './resource-monitor.ts'
import type { ResourceMonitor, Thresholds } from './types.ts'

/** How a tree is monitored. */
export interface MonitorInput {
  /** The root of the tree. */
  readonly root: Pick<SupervisorClient, 'name' | 'onEvent'>
  /** The registry and the event stream that the root was given. */
  readonly registry: Registry
  readonly events: EventStream
  /** Milliseconds between two looks. Default: 5 s. */
  readonly interval?: number
  readonly thresholds?: Partial<Thresholds>
  /** The file that keeps events and figures. Default: none, what is told of the past comes from memory. */
  readonly history?: string
  /** Milliseconds for which the file keeps them. Default: a week. */
  readonly retention?: number
  /** What is generated. Default: nothing is told of it. */
  traffic?(): Traffic
  /** What is measured. Default: the process that it runs in. */
  readonly measured?: Measured
  /** Milliseconds since 1970. Default: Date.now. */
  now?(): number
}

const DEFAULT_INTERVAL_MS = 5_000
const DEFAULT_RETENTION_MS = 7 * 24 * 3_600_000
const defaultThresholds: Thresholds = { degraded: 60_000, restarts: 10, delay: 200 }

/**
 * Monitors a tree as a resource of it: a look at all resources and figures in each interval. What passes a threshold is told by the
 * events `problem` and `problem_over`. A history file that cannot be used is named once in the log, and done without.
 */
export const resourceMonitor = defineResource<MonitorInput, ResourceMonitor>({
  kind: 'monitor',
  machine: lifecycle,
  async initialize({ input, clock, log, self }) {
    const { interval = DEFAULT_INTERVAL_MS } = input
    const monitoring = startMonitoring(input, clock, log)
    self.spawn('look', async scope => {
      for (;;) {
        await scope.sleep(interval)
        await monitoring.look()
      }
    })
    return monitoring
  },
  async cleanup(client) {
    if (client instanceof Monitoring) client.close()
  },
  displayName: ({ history }) => (history === undefined ? 'monitor' : `monitor with history ${history}`),
})

function startMonitoring(input: MonitorInput, clock: Clock, log: ResourceLog): Monitoring {
  const { root, registry, events, thresholds, traffic, measured, history: path } = input
  const now = input.now ?? Date.now
  const { retention = DEFAULT_RETENTION_MS } = input
  const file = path === undefined ? undefined : openedFile(path, log)
  return new Monitoring({
    root,
    registry,
    events,
    history: new History({ file, retention, clock, now, log }),
    thresholds: { ...defaultThresholds, ...thresholds },
    measured: measured ?? measureProcess(),
    traffic,
    clock,
    now,
    log,
  })
}

function openedFile(path: string, log: ResourceLog): HistoryFile | undefined {
  try {
    return HistoryFile.open(path)
  } catch (error) {
    log.warn(
      { file: path, error: toErrorRecord(error) },
      'there is no history file: what is told of the past comes from memory',
    )
    return undefined
  }
}

/** How a monitor outside of the tree is created. */
export interface CreateMonitorOptions extends MonitorInput {
  /** Default: that of the machine. */
  readonly clock?: Clock
  readonly log?: ResourceLog
}

/** A monitor outside of the tree: its owner closes it. */
export interface OwnedMonitor extends ResourceMonitor, AsyncDisposable {
  close(): Promise<void>
}

/**
 * Monitors a tree from outside of it.
 *
 * @example
 * const registry = new Registry(log)
 * const events = new EventStream({ clock: realClock, log })
 * const root = await supervise({ registry, events, children })
 * await using monitor = await createMonitor({ root, registry, events })
 * monitor.problemResources()
 */
export async function createMonitor(options: CreateMonitorOptions): Promise<OwnedMonitor> {
  const { clock = realClock, log, ...input } = options
  const resource = createResource(resourceMonitor, { input, clock, ...(log && { log }) })
  const monitor = await resource.initialize()
  return {
    latestStats: () => monitor.latestStats(),
    problemResources: () => monitor.problemResources(),
    detailedReport: asked => monitor.detailedReport(asked),
    look: () => monitor.look(),
    lastEvents: query => monitor.lastEvents(query),
    forget: path => monitor.forget(path),
    close: () => resource.close(),
    [Symbol.asyncDispose]: () => resource.close(),
  }
}
