import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { RegistryCounts, RegistryMailboxes } from '../resources/registry-types.ts'
import { version } from '../version.ts'
import { watchEventLoop } from './event-loop.ts'
import { type MetricEntry, type MetricName, metricCatalogue } from './metric-catalogue.ts'
import { RecentMedian } from './recent-median.ts'

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
  /** From the request to its first token; undefined when there was none. */
  readonly ttftMs: number | undefined
  readonly durationMs: number
  /** How often the generation was resumed on another placement. */
  readonly failovers: number
}

/** What generations tell while they run. */
export interface GenerationMetrics {
  /** The first token of a generation has come, so many milliseconds after the request. */
  firstToken(ttftMs: number): void
  /** A token of an answer has come, the first one too. */
  token(): void
  generationFinished(generation: GenerationFacts): void
}

/** What of an event of supervision is counted. */
interface SupervisionFacts {
  readonly type: string
  readonly kind: string
  readonly incarnation: number
}

/** What is asked at each rendering. */
interface MetricSources {
  readonly resources: () => RegistryCounts
  readonly mailboxes: () => RegistryMailboxes
  /** Resident bytes of the processes that resources run, by the path of the resource. */
  readonly processes: () => ReadonlyMap<string, number>
  readonly generations: () => { readonly running: number; readonly waiting: number }
  /** How many viewers are connected. */
  readonly viewers: () => number
}

/** What has been counted, for those who show figures of the moment. */
interface MetricFigures {
  /** Tokens of answers since the node began, those of running generations included. */
  readonly tokens: number
  /** Restarts since the node began. */
  readonly restarts: number
  /** Milliseconds from a request to its first token: the median of the last minute; undefined when there was none. */
  readonly timeToFirstToken: number | undefined
}

/** The metrics of one node, in the text format of Prometheus. */
export interface Metrics extends GenerationMetrics {
  /** Media type of {@link Metrics.render}. */
  readonly contentType: string
  /** Everything in the catalogue, as text. */
  render(): Promise<string>
  requestStarted(): void
  requestFinished(request: RequestFacts): void
  /** A supervisor tells of one of its children. */
  supervisionEvent(event: SupervisionFacts): void
  /** Asks these sources at each rendering, beside those that are asked already: their numbers are added up. The result ends it. */
  watch(sources: Partial<MetricSources>): () => void
  /** The figures of this moment. */
  figures(): MetricFigures
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

/** So many processes have a value of their own: a bound for a label that could have many. */
const MOST_PROCESSES = 64

/** Makes the metrics of a node, in a registry of their own: two nodes in one process do not mix. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const make = instruments(registry)
  const { counter, gauge, histogram } = make
  const sources = new Set<Partial<MetricSources>>()
  const collectors = [collectSources(make, sources), collectProcess(make)]
  const eventLoop = collectEventLoop(make)

  const requests = counter('exovisor_requests_total')
  const running = gauge('exovisor_requests_running')
  const requestDuration = histogram('exovisor_request_duration_seconds')
  const restarts = counter('exovisor_restarts_total')
  const giveUps = counter('exovisor_give_ups_total')
  const deadLetters = counter('exovisor_dead_letters_total')
  const firstTokens = new RecentMedian({ within: 60_000, most: 1_000, now: () => performance.now() })
  const totals = { tokens: 0, restarts: 0 }

  return {
    contentType: registry.contentType,
    render: () => {
      for (const collect of collectors) collect()
      eventLoop.collect()
      return registry.metrics()
    },
    requestStarted: () => running.inc(),
    requestFinished({ method, route, status, durationMs }) {
      running.dec()
      requests.inc({ method, route, status: String(status) })
      requestDuration.observe({ route }, durationMs / 1e3)
    },
    firstToken: ttftMs => firstTokens.note(ttftMs),
    token() {
      totals.tokens += 1
    },
    generationFinished: generationRecorder(make),
    supervisionEvent({ type, kind, incarnation }) {
      if (type === 'started' && incarnation > 1) {
        totals.restarts += 1
        restarts.inc({ kind })
      }
      if (type === 'gave_up' || type === 'escalated') giveUps.inc()
      if (type === 'dead_letter') deadLetters.inc({ kind })
    },
    watch(more) {
      const own = { ...more }
      sources.add(own)
      return () => void sources.delete(own)
    },
    figures: () => ({ ...totals, timeToFirstToken: firstTokens.value }),
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

function generationRecorder({ counter, histogram }: Instruments) {
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

function collectSources({ gauge }: Instruments, all: ReadonlySet<Partial<MetricSources>>): () => void {
  const resources = gauge('exovisor_resources')
  const waitingMessages = gauge('exovisor_mailbox_messages')
  const longestMailbox = gauge('exovisor_mailbox_longest_messages')
  const processes = gauge('exovisor_child_process_resident_memory_bytes')
  const running = gauge('exovisor_generations_running')
  const waiting = gauge('exovisor_generations_waiting')
  const viewers = gauge('exovisor_viewers')
  const gauges = [resources, waitingMessages, longestMailbox, processes, running, waiting, viewers]
  return () => {
    for (const each of gauges) each.reset()
    const longest = new Map<string, number>()
    for (const source of all) {
      // Zeros too, so that an alert on ERROR has a value before the first error.
      for (const [kind, counts] of Object.entries(source.resources?.() ?? {}))
        for (const state of states) resources.inc({ kind, state }, counts[state] ?? 0)
      for (const [kind, mailbox] of Object.entries(source.mailboxes?.() ?? {})) {
        waitingMessages.inc({ kind }, mailbox.waiting)
        longest.set(kind, Math.max(longest.get(kind) ?? 0, mailbox.longest))
      }
      const largest = [...(source.processes?.() ?? [])].sort(([, a], [, b]) => b - a).slice(0, MOST_PROCESSES)
      for (const [resource, bytes] of largest) processes.set({ resource }, bytes)
      const generations = source.generations?.()
      running.inc(generations?.running ?? 0)
      waiting.inc(generations?.waiting ?? 0)
      viewers.inc(source.viewers?.() ?? 0)
    }
    for (const [kind, messages] of longest) longestMailbox.set({ kind }, messages)
  }
}

function collectProcess({ counter, gauge }: Instruments): () => void {
  const memory = gauge('process_resident_memory_bytes')
  const cpu = counter('process_cpu_seconds_total')
  gauge('process_start_time_seconds').set(performance.timeOrigin / 1e3)
  gauge('exovisor_build_info').set({ version }, 1)
  return () => {
    memory.set(process.memoryUsage.rss())
    const { user, system } = process.cpuUsage()
    cpu.reset()
    cpu.inc((user + system) / 1e6)
  }
}

function collectEventLoop({ gauge }: Instruments): { collect(): void; stop(): void } {
  const eventLoop = watchEventLoop()
  const delay = gauge('exovisor_event_loop_delay_seconds')
  return {
    collect() {
      const { median, p99, longest } = eventLoop.take()
      delay.set({ quantile: '0.5' }, median)
      delay.set({ quantile: '0.99' }, p99)
      delay.set({ quantile: '1' }, longest)
    },
    stop: () => eventLoop.stop(),
  }
}
