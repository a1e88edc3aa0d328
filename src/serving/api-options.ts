import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { type Clock, realClock } from '../concurrency/clock.ts'
import { noTracing, type Tracing } from '../observe/tracing/tracing.ts'
import type { GenerationBackend } from './backend.ts'
import type { ServingMetrics } from './serving-metrics.ts'

/** What the API holds its callers to. All times in milliseconds. */
interface ApiLimits {
  /** The largest request body in bytes. */
  readonly bodyBytes: number
  /** How long a client may take to send the header of a request. */
  readonly headersTimeoutMs: number
  /** How long a client may take to send a whole request. */
  readonly requestTimeoutMs: number
  /** How long a connection may stay open without a request. */
  readonly keepAliveTimeoutMs: number
  /** The most connections at a time; further ones are closed at once. */
  readonly connections: number
  /** The longest silence on a stream; then a comment is sent, so that proxies keep it open. */
  readonly heartbeatMs: number
  /** How long the reader of a stream may take nothing before it is cut off. */
  readonly stallMs: number
  /** How long running answers may go on after close was asked for. */
  readonly drainMs: number
}

const defaultLimits: ApiLimits = {
  bodyBytes: 1_048_576,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 10_000,
  connections: 1_024,
  heartbeatMs: 15_000,
  stallMs: 60_000,
  drainMs: 5_000,
}

/** Where the API writes: one line a request at debug, and faults of our own at error. A ResourceLog or pino fits. */
interface ApiLog {
  debug(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** What the HTTP API is made of. */
export interface ApiOptions {
  /** The address it is going to listen on. Default 127.0.0.1. */
  readonly host?: string
  /** The keys that are accepted. Default none: then every caller is, and browsers of other sites are kept out. */
  readonly keys?: readonly string[]
  readonly backend: GenerationBackend
  /** Default the clock of the machine. */
  readonly clock?: Clock
  /** Without it there is no `/metrics`. */
  readonly metrics?: ServingMetrics
  /** Default: requests have no spans. */
  readonly tracing?: Pick<Tracing, 'tracer' | 'contextOf'>
  readonly log?: ApiLog
  readonly limits?: Partial<ApiLimits>
  /** Called when a request arrives and when it is over, however it ends. Must not throw. */
  readonly onActivity?: (event: { readonly type: 'request.started' | 'request.ended' }) => void
  /**
   * Adds routes. They ask for a key like all others, unless their `config` says `{ public: true }`;
   * those that answer without end say `{ endless: true }` and heed `request.running.signal`.
   */
  readonly routes?: (app: FastifyInstance) => void
  /** Makes request and answer ids. Default random. */
  readonly newId?: () => string
  /** Seconds since 1970. Default the system's clock. */
  readonly unixTime?: () => number
}

/** {@link ApiOptions} with the defaults filled in. */
export type ApiSettings = Required<Omit<ApiOptions, 'metrics' | 'routes' | 'limits'>> & {
  readonly metrics: ServingMetrics | undefined
  readonly limits: ApiLimits
}

const silent: ApiLog = { debug: () => undefined, error: () => undefined }

/** Fills in the defaults. */
export function apiSettings(options: ApiOptions): ApiSettings {
  return {
    host: options.host ?? '127.0.0.1',
    keys: options.keys ?? [],
    backend: options.backend,
    clock: options.clock ?? realClock,
    metrics: options.metrics,
    tracing: options.tracing ?? noTracing,
    log: options.log ?? silent,
    onActivity: options.onActivity ?? (() => undefined),
    limits: { ...defaultLimits, ...options.limits },
    newId: options.newId ?? (() => randomUUID().replaceAll('-', '')),
    unixTime: options.unixTime ?? (() => Math.floor(Date.now() / 1_000)),
  }
}
