import { Background } from './concurrency/background.ts'
import { realClock } from './concurrency/clock.ts'
import { TaskRegistry } from './concurrency/task-registry.ts'
import { resolvePolicies } from './config/resolve-policies.ts'
import type { Config } from './config/schema.ts'
import { toErrorRecord } from './errors.ts'
import type { SpawnNodeOptions } from './node-options.ts'
import { processMemory } from './node-processes.ts'
import { nodeTracing } from './node-tracing.ts'
import { createJournal, type Journal } from './observe/journal.ts'
import { createLogger } from './observe/logger.ts'
import { createMetrics, type Metrics } from './observe/metrics.ts'
import { RestartSpans } from './observe/tracing/restart-spans.ts'
import type { Tracing } from './observe/tracing/tracing.ts'
import { Registry } from './resources/registry.ts'
import type { ResourceLog } from './resources/types.ts'
import { EventStream } from './supervision/events/stream.ts'
import { supervise } from './supervision/supervise.ts'
import type { SupervisionRecord, Supervisor } from './supervision/types.ts'

/** The root of a node, and what listens to it. */
export interface NodeRoot {
  readonly root: Supervisor
  readonly log: ResourceLog
  readonly journal: Journal<SupervisionRecord>
  /** What all supervisors of the tree did. */
  readonly events: EventStream
  /** All resources of the tree. */
  readonly registry: Registry
  readonly metrics: Metrics
  readonly tracing: Tracing
  /** What runs in the background. */
  readonly tasks: TaskRegistry
  /** Makes the background of a part of the node that is no resource, e.g. `placement`. */
  readonly background: (part: string) => Background
  /** Cancels all tasks of those parts, and waits for so many milliseconds. @throws EXO_TASK_LEAKED */
  readonly endTasks: (limit: number) => Promise<void>
  /** Adds to what {@link NodeRoot.dispose} does. */
  readonly onDispose: (step: () => void) => void
  /** Stops what the supervisors do not own, and sends the last spans. */
  readonly dispose: () => Promise<void>
}

const JOURNAL_EVENTS = 1_000

/** Starts the root supervisor of a node, without children yet, with the policies of the configuration. */
export async function rootSupervisor(config: Config, options: SpawnNodeOptions): Promise<NodeRoot> {
  const log = options.logger?.(config.log.level) ?? createLogger({ level: config.log.level })
  const journal = createJournal<SupervisionRecord>({ capacity: JOURNAL_EVENTS })
  const metrics = createMetrics()
  const tracing = await nodeTracing(config, log)
  const restarts = new RestartSpans(tracing.tracer)
  const events = new EventStream({ clock: realClock, log })
  events.subscribe(record => void journal.write(record))
  const tasks = new TaskRegistry(realClock)
  const registry = new Registry(log)
  const root = await supervise({
    name: 'node',
    policies: resolvePolicies(config),
    log,
    ...(typeof options.inspect !== 'boolean' && options.inspect && { inspect: options.inspect }),
    events,
    registry,
    tasks,
    onEvent(event) {
      metrics.supervisionEvent(event)
      restarts.take(event)
    },
  })
  const backgrounds = new NodeBackgrounds(root.name, tasks, log)
  const unwatch = metrics.watch({
    resources: () => registry.counts(),
    mailboxes: () => registry.mailboxes(),
    processes: () => processMemory(root),
  })
  const steps = [unwatch, () => metrics.close(), () => restarts.close()]
  return {
    root,
    log,
    journal,
    events,
    registry,
    metrics,
    tracing,
    tasks,
    background: part => backgrounds.add(part),
    endTasks: limit => backgrounds.close(limit),
    onDispose: step => void steps.push(step),
    dispose() {
      for (const step of steps.splice(0)) step()
      return tracing.close()
    },
  }
}

/** The backgrounds of the parts of a node that are no resources. */
class NodeBackgrounds {
  readonly #node: string
  readonly #registry: TaskRegistry
  readonly #log: ResourceLog
  readonly #all: Background[] = []

  constructor(node: string, registry: TaskRegistry, log: ResourceLog) {
    this.#node = node
    this.#registry = registry
    this.#log = log
  }

  add(part: string): Background {
    const background = new Background({
      owner: `${this.#node}/${part}`,
      clock: this.#registry.clock,
      registry: this.#registry,
      onFailure: (error, task) =>
        this.#log.error({ part, task, error: toErrorRecord(error) }, 'a task failed'),
    })
    this.#all.push(background)
    return background
  }

  async close(limit: number): Promise<void> {
    await Promise.all(this.#all.map(background => background.close(limit, 'the node has ended')))
  }
}
