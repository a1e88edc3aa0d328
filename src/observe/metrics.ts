import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { LifecycleState } from '../../machines/lifecycle.ts'
import { watchEventLoop } from './event-loop.ts'
import { type MetricEntry, type MetricName, metricCatalogue } from './metric-catalogue.ts'

/** One HTTP request that is over. */
export interface RequestFacts {
  readonly method: string
  /** The pattern of the route, never the path. */
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

/** One generation that is over. */
export interface GenerationFacts {
  readonly model: string
  readonly outcome: 'stop' | 'length' | 'aborted' | 'failed'
  readonly promptTokens: number
  readonly completionTokens: number
  /** From the arrival of the request to its first token; undefined when there was none. */
  readonly ttftMs: number | undefined
  readonly durationMs: number
  /** How often the generation was resumed on another placement. */
  readonly failovers: number
}

/** What a resource is counted by. */
interface ResourceFacts {
  readonly kind: string
  readonly state: LifecycleState
}

/** What of an event of supervision is counted. */
interface SupervisionFacts {
  readonly type: string
  readonly kind: string
  readonly incarnation: number
}

/** The metrics of one node, in the text format of Prometheus. */
export interface Metrics {
  /** Media type of {@link Metrics.render}. */
  readonly contentType: string
  /** Everything in the catalogue, as text. */
  render(): Promise<string>
  requestStarted(): void
  requestFinished(request: RequestFacts): void
  generationFinished(generation: GenerationFacts): void
  /** A supervisor tells of one of its children. */
  supervisionEvent(event: SupervisionFacts): void
  /** Counts what the source gives at each rendering. The result ends it. */
  watchResources(source: () => Iterable<ResourceFacts>): () => void
  /** Stops to watch the event loop. */
  close(): void
}

const states: readonly LifecycleState[] = [
  'UNINITIALIZED',
  'INITIALIZING',
  'READY',
  'DEGRADED',
  'ERROR',
  'CLOSING',
  'CLOSED',
]

/** Makes the metrics of a node, in a registry of their own: two nodes in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const { counter, gauge, histogram } = instruments(registry)
  const eventLoop = watchEventLoop()
  const sources = new Set<() => Iterable<ResourceFacts>>()

  const requests = counter('exovisor_requests_total')
  const running = gauge('exovisor_requests_running')
  const requestDuration = histogram('exovisor_request_duration_seconds')
  const restarts = counter('exovisor_restarts_total')
  const giveUps = counter('exovisor_give_ups_total')
  const deadLetters = counter('exovisor_dead_letters_total')
  const resources = gauge('exovisor_resources')
  const delay = gauge('exovisor_event_loop_delay_seconds')
  const memory = gauge('process_resident_memory_bytes')
  const cpu = counter('process_cpu_seconds_total')

  const collect = (): void => {
    countResources(resources, sources)
    const { median, p99, longest } = eventLoop.take()
    delay.set({ quantile: '0.5' }, median)
    delay.set({ quantile: '0.99' }, p99)
    delay.set({ quantile: '1' }, longest)
    memory.set(process.memoryUsage.rss())
    const { user, system } = process.cpuUsage()
    cpu.reset()
    cpu.inc((user + system) / 1e6)
  }

  return {
    contentType: registry.contentType,
    render: () => {
      collect()
      return registry.metrics()
    },
    requestStarted: () => running.inc(),
    requestFinished({ method, route, status, durationMs }) {
      running.dec()
      requests.inc({ method, route, status: String(status) })
      requestDuration.observe({ route }, durationMs / 1e3)
    },
    generationFinished: generationRecorder({ counter, histogram }),
    supervisionEvent({ type, kind, incarnation }) {
      if (type === 'started' && incarnation > 1) restarts.inc({ kind })
      if (type === 'gave_up' || type === 'escalated') giveUps.inc()
      if (type === 'dead_letter') deadLetters.inc({ kind })
    },
    watchResources(source) {
      const own = (): Iterable<ResourceFacts> => source()
      sources.add(own)
      return () => void sources.delete(own)
    },
    close: () => eventLoop.stop(),
  }
}

type Instruments = ReturnType<typeof instruments>

/** Makes instruments by their entries in the catalogue. */
function instruments(registry: Registry) {
  const options = (name: MetricName) => {
    const { help, labels } = metricCatalogue[name]
    return { name, help, labelNames: [...labels], registers: [registry] }
  }
  return {
    counter: (name: MetricName) => new Counter<string>(options(name)),
    gauge: (name: MetricName) => new Gauge<string>(options(name)),
    histogram: (name: MetricName) => {
      const entry: MetricEntry = metricCatalogue[name]
      return new Histogram<string>({ ...options(name), buckets: [...(entry.buckets ?? [])] })
    },
  }
}

function generationRecorder({ counter, histogram }: Pick<Instruments, 'counter' | 'histogram'>) {
  const generations = counter('exovisor_generations_total')
  const tokens = counter('exovisor_tokens_total')
  const failovers = counter('exovisor_failovers_total')
  const firstToken = histogram('gen_ai_server_time_to_first_token_seconds')
  const perToken = histogram('gen_ai_server_time_per_output_token_seconds')
  return (generation: GenerationFacts): void => {
    const { model, outcome, promptTokens, completionTokens, ttftMs, durationMs } = generation
    generations.inc({ model, outcome })
    tokens.inc({ model, kind: 'prompt' }, promptTokens)
    tokens.inc({ model, kind: 'completion' }, completionTokens)
    failovers.inc({ model }, generation.failovers)
    if (ttftMs === undefined) return
    firstToken.observe({ gen_ai_request_model: model }, ttftMs / 1e3)
    if (completionTokens > 1)
      perToken.observe({ gen_ai_request_model: model }, (durationMs - ttftMs) / 1e3 / (completionTokens - 1))
  }
}

function countResources(gauge: Gauge<string>, sources: ReadonlySet<() => Iterable<ResourceFacts>>): void {
  gauge.reset()
  const kinds = new Set<string>()
  for (const source of sources) {
    for (const { kind, state } of source()) {
      // Zeros first, so that an alert on ERROR has a value before the first error.
      if (!kinds.has(kind)) for (const each of states) gauge.set({ kind, state: each }, 0)
      kinds.add(kind)
      gauge.inc({ kind, state })
    }
  }
}
