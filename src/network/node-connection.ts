import {
  Client,
  type ClientUnaryCall,
  credentials,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import type { Clock } from '../concurrency/clock.ts'
import { limited } from '../concurrency/limit.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { parseEndpoint } from './endpoint.ts'
import { keyMetadata } from './key.ts'
import { MAX_CONTROL_BYTES, NODE_SERVICE } from './service-definition.ts'
import { fromServiceError } from './status.ts'

/** How long a call may take, and how it is given up. */
export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds. */
  readonly timeoutMs?: number
}

/** Where a connection leads. */
export interface NodeConnectionOptions {
  /** `host:port` */
  readonly endpoint: string
  /** Secret to show. */
  readonly key?: string
  readonly clock: Clock
}

/** Milliseconds that a call may take if nothing else is said. */
const CALL_TIMEOUT_MS = 30_000
const HEALTH_TIMEOUT_MS = 5_000

// A machine that vanishes resets no connection, and a call to it would wait for its whole time, minutes for loading
// layers. Without calls too, so that the connection is known to be dead before the next call is put on it. The
// longer limit is for a loop at either end that is busy for a moment: it answers, or reads the answer, late.
const KEEPALIVE_TIME_MS = 1_000
const KEEPALIVE_TIMEOUT_MS = 2_000

const health = healthService['Check'] as MethodDefinition<{ service: string }, { status: string }>

/** A gRPC channel to the service of one node: calls with deadlines, and errors of the catalogue. */
export class NodeConnection {
  readonly endpoint: string
  readonly #options: NodeConnectionOptions
  readonly #calls = new Set<(error: ExovisorError) => void>()
  #client: Client

  /** @throws EXO_REQUEST_INVALID for an endpoint that is none. Nothing is sent yet. */
  constructor(options: NodeConnectionOptions) {
    parseEndpoint(options.endpoint)
    this.#options = options
    this.endpoint = options.endpoint
    this.#client = this.#open()
  }

  /**
   * One call. It is cancelled at the other end too when its time is over or its signal is aborted.
   *
   * @throws EXO_PEER_TIMEOUT, EXO_PEER_UNREACHABLE, EXO_ABORTED, or the error that the node reports
   */
  async call<Request, Response>(
    method: Pick<MethodDefinition<Request, Response>, 'path' | 'requestSerialize' | 'responseDeserialize'>,
    request: Request,
    { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions = {},
  ): Promise<Response> {
    const subject = `${method.path.slice(method.path.lastIndexOf('/') + 1)} call to ${this.endpoint}`
    const outer = signal ?? new AbortController().signal
    const timeoutError = () =>
      new ExovisorError('EXO_PEER_TIMEOUT', `${subject}: no answer in ${timeoutMs} ms`, {
        details: { timeoutMs },
      })
    try {
      return await limited(
        { clock: this.#options.clock, timeout: timeoutMs, timeoutError, signal: outer },
        inner => this.#unary(method, request, subject, timeoutMs, inner),
      )
    } catch (error) {
      if (!outer.aborted || isExovisorError(error, 'EXO_PEER_TIMEOUT')) throw error
      throw new ExovisorError('EXO_ABORTED', `${subject} was given up`, { cause: outer.reason })
    }
  }

  /** @throws EXO_HEALTH_CHECK_FAILED when the node answers that it does not serve; and what {@link call} throws */
  async checkHealth(options: CallOptions = {}): Promise<void> {
    const { status } = await this.call(
      health,
      { service: NODE_SERVICE },
      { timeoutMs: HEALTH_TIMEOUT_MS, ...options },
    )
    if (status !== 'SERVING')
      throw new ExovisorError(
        'EXO_HEALTH_CHECK_FAILED',
        `node at ${this.endpoint}: health is ${String(status)}, expected SERVING`,
      )
  }

  /** Tells once when the connection that is up now is lost. A connection that is not up counts as lost. */
  onLost(listener: () => void): void {
    const channel = this.#client.getChannel()
    const state = channel.getConnectivityState(false)
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, error => {
      if (!error) listener()
    })
  }

  /** Drops the channel and opens another: calls under way fail with EXO_PEER_UNREACHABLE. */
  reconnect(): void {
    this.close()
    this.#client = this.#open()
  }

  /** Drops the channel: calls under way fail with EXO_PEER_UNREACHABLE. */
  close(): void {
    const error = new ExovisorError('EXO_PEER_UNREACHABLE', `the connection to ${this.endpoint} was closed`)
    for (const giveUp of this.#calls) giveUp(error)
    this.#client.close()
  }

  #unary<Request, Response>(
    method: Pick<MethodDefinition<Request, Response>, 'path' | 'requestSerialize' | 'responseDeserialize'>,
    request: Request,
    subject: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method
      // The own limit comes first; this one tells the other side how long an answer is of use.
      const deadline = new Date(Date.now() + timeoutMs + 1_000)
      const call: ClientUnaryCall = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        keyMetadata(this.#options.key),
        { deadline },
        (error: ServiceError | null, response?: Response) => {
          signal.removeEventListener('abort', abort)
          this.#calls.delete(giveUp)
          if (error) reject(fromServiceError(error, subject))
          else resolve(response as Response)
        },
      )
      const abort = () => call.cancel()
      const giveUp = (error: ExovisorError) => {
        reject(error)
        call.cancel()
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#calls.add(giveUp)
    })
  }

  #open(): Client {
    return new Client(this.endpoint, credentials.createInsecure(), {
      'grpc.max_receive_message_length': MAX_CONTROL_BYTES,
      'grpc.max_send_message_length': MAX_CONTROL_BYTES,
      'grpc.enable_channelz': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.keepalive_permit_without_calls': 1,
    })
  }
}
