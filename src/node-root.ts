import { realClock } from './concurrency/clock.ts'
import { TaskRegistry } from './concurrency/task-registry.ts'
import { resolvePolicies } from './config/resolve-policies.ts'
import type { Config } from './config/schema.ts'
import type { SpawnNodeOptions } from './node-options.ts'
import { createJournal, type Journal } from './observe/journal.ts'
import { createLogger } from './observe/logger.ts'
import { createMetrics, type Metrics } from './observe/metrics.ts'
import type { ResourceLog } from './resources/types.ts'
import { EventStream } from './supervision/events/stream.ts'
import { supervise } from './supervision/supervise.ts'
import type { SupervisionRecord, Supervisor } from './supervision/types.ts'

/** The root of a node, and what listens to it. */
export interface NodeRoot {
  readonly root: Supervisor
  readonly log: ResourceLog
  readonly journal: Journal<SupervisionRecord>
  readonly metrics: Metrics
  /** What runs in the background. */
  readonly tasks: TaskRegistry
  /** Adds to what {@link NodeRoot.dispose} does. */
  readonly onDispose: (step: () => void) => void
  /** Stops what the supervisors do not own. */
  readonly dispose: () => void
}

const JOURNAL_EVENTS = 1_000

/** Starts the root supervisor of a node, without children yet, with the policies of the configuration. */
export async function rootSupervisor(config: Config, options: SpawnNodeOptions): Promise<NodeRoot> {
  const log = options.logger?.(config.log.level) ?? createLogger({ level: config.log.level })
  const journal = createJournal<SupervisionRecord>({ capacity: JOURNAL_EVENTS })
  const metrics = createMetrics()
  const events = new EventStream({ clock: realClock, log })
  events.subscribe(record => void journal.write(record))
  const tasks = new TaskRegistry(realClock)
  const root = await supervise({
    name: 'node',
    policies: resolvePolicies(config),
    log,
    ...(options.inspect && { inspect: options.inspect }),
    events,
    tasks,
    onEvent: event => metrics.supervisionEvent(event),
  })
  const steps = [metrics.watchResources(() => root.children()), () => metrics.close()]
  return {
    root,
    log,
    journal,
    metrics,
    tasks,
    onDispose: step => void steps.push(step),
    dispose() {
      for (const step of steps.splice(0)) step()
    },
  }
}
