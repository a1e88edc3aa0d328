import {
  Client,
  type ClientUnaryCall,
  connectivityState,
  credentials,
  type Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'
import type { Clock } from '../concurrency/clock.ts'
import { limited } from '../concurrency/limit.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { parseEndpoint } from './endpoint.ts'
import { keyMetadata } from './key.ts'
import { MAX_CONTROL_BYTES } from './service-definition.ts'
import { fromServiceError } from './status.ts'

/** How long a call may take, and how it is given up. */
export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds. */
  readonly timeoutMs?: number
}

/** One method of a service, as its definition for grpc-js describes it. */
export type UnaryMethod<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>

/** Where a channel leads. */
export interface ChannelTarget {
  /** `host:port` */
  readonly endpoint: string
  /** Secret to show. */
  readonly key?: string
  readonly clock: Clock
  /** Bytes that the other side may send before it has to wait. Default: the 64 KB of HTTP/2. */
  readonly windowBytes?: number
}

/** Milliseconds that a call may take if nothing else is said. */
const CALL_TIMEOUT_MS = 30_000

// A machine that vanishes resets no connection, and a call to it would wait for its whole time, minutes for loading
// layers. Without calls too, so that the connection is known to be dead before the next call is put on it. The
// longer limit is for a loop at either end that is busy for a moment: it answers, or reads the answer, late.
const KEEPALIVE_TIME_MS = 1_000
const KEEPALIVE_TIMEOUT_MS = 2_000

/** The longest time without calls that grpc-js can be told; after it a channel drops its connection by itself. */
const NEVER_IDLE_MS = 2 ** 31 - 1

/** A gRPC channel to one address, over a connection of its own: calls with deadlines, and errors of the catalogue. */
export class Channel {
  readonly endpoint: string
  /** The client of grpc-js, for streams and for generated stubs. */
  readonly client: Client
  readonly #clock: Clock
  readonly #key: string | undefined
  readonly #calls = new Set<(error: ExovisorError) => void>()

  /** @throws EXO_REQUEST_INVALID for an endpoint that is none. Nothing is sent yet. */
  constructor({ endpoint, key, clock, windowBytes }: ChannelTarget) {
    parseEndpoint(endpoint)
    this.endpoint = endpoint
    this.#clock = clock
    this.#key = key
    this.client = new Client(endpoint, credentials.createInsecure(), {
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
      'grpc.client_idle_timeout_ms': NEVER_IDLE_MS,
      ...(windowBytes !== undefined && { 'grpc-node.flow_control_window': windowBytes }),
    })
  }

  /** Whether the connection is up. */
  get isConnected(): boolean {
    return this.client.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  /** What shows the secret: for calls that are made with {@link client}. */
  metadata(): Metadata {
    return keyMetadata(this.#key)
  }

  /**
   * Waits until the connection is up.
   *
   * @throws EXO_PEER_UNREACHABLE when the first attempt failed; the signal's reason when that is aborted
   */
  connected(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason)
      const settle = (error?: ExovisorError): void => {
        signal.removeEventListener('abort', abort)
        if (error) reject(error)
        else resolve()
      }
      const channel = this.client.getChannel()
      const look = (): void => {
        const state = channel.getConnectivityState(true)
        if (state === connectivityState.READY) settle()
        else if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN)
          settle(new ExovisorError('EXO_PEER_UNREACHABLE', `nobody takes a connection at ${this.endpoint}`))
        else if (!signal.aborted) channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look)
      }
      if (signal.aborted) return abort()
      signal.addEventListener('abort', abort, { once: true })
      look()
    })
  }

  /** Tells once when the connection that is up now is lost, or closed. A connection that is not up counts as lost. */
  onLost(listener: () => void): void {
    const channel = this.client.getChannel()
    const state = channel.getConnectivityState(false)
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, error => {
      if (!error) listener()
    })
  }

  /**
   * One call. It is cancelled at the other end too when its time is over or its signal is aborted.
   *
   * @throws EXO_PEER_TIMEOUT, EXO_PEER_UNREACHABLE, EXO_ABORTED, or the error that the other side reports
   */
  async call<Request, Response>(
    method: UnaryMethod<Request, Response>,
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
      return await limited({ clock: this.#clock, timeout: timeoutMs, timeoutError, signal: outer }, inner =>
        this.#unary(method, request, subject, timeoutMs, inner),
      )
    } catch (error) {
      if (!outer.aborted || isExovisorError(error, 'EXO_PEER_TIMEOUT')) throw error
      throw new ExovisorError('EXO_ABORTED', `${subject} was given up`, { cause: outer.reason })
    }
  }

  /** Drops the connection: calls under way fail with EXO_PEER_UNREACHABLE. */
  close(): void {
    const error = new ExovisorError('EXO_PEER_UNREACHABLE', `the connection to ${this.endpoint} was closed`)
    for (const giveUp of this.#calls) giveUp(error)
    const channel = this.client.getChannel()
    const state = channel.getConnectivityState(false)
    // grpc-js forgets a retry that is due when it closes a channel: the channel would connect once more, for ever. So that it
    // is closed when the retry has begun, which is given up then.
    if (state === connectivityState.TRANSIENT_FAILURE)
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => this.client.close())
    else this.client.close()
  }

  #unary<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    subject: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method
      // The own limit comes first; this one tells the other side how long an answer is of use.
      const deadline = new Date(Date.now() + timeoutMs + 1_000)
      const call: ClientUnaryCall = this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.metadata(),
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
}
