import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { AnyLifecycleMachine, ResourceLog, WaitOptions } from './types.ts'

/** What `connect` gets beside its input. */
export interface ConnectContext {
  /** Aborted when the attempt is given up. Settle soon after that: closing waits for it. */
  readonly signal: AbortSignal
  readonly log: ResourceLog
  readonly clock: Clock
  readonly random: Random
  /**
   * To be called when this connection has broken by itself, e.g. on the `close` event of a socket: the resource is DEGRADED until
   * it has another one. Ignored for a connection that was replaced or given up.
   */
  lost(reason: unknown): void
}

/** One kind of connection: what {@link networkResource} makes a definition of. */
export interface NetworkShape<Input, Connection> {
  /** Lower-case words joined by hyphens, e.g. `redis`. */
  readonly kind: string
  /** Default: the plain lifecycle. */
  readonly machine?: AnyLifecycleMachine
  connect(input: Input, context: ConnectContext): Promise<Connection>
  /** Releases one connection; called exactly once for each that `connect` gave, also for one that came too late. */
  disconnect(
    connection: Connection,
    context: { readonly reason: string; readonly signal: AbortSignal },
  ): Promise<void>
  /** The health check: throws when the connection is not well. */
  ping?(connection: Connection, context: { readonly signal: AbortSignal }): Promise<void>
  /**
   * True for an error of an operation after which the connection must be replaced. Default: the error, or one of its causes, has a
   * code of a broken socket such as ECONNRESET or EPIPE, EXO_PEER_UNREACHABLE or EXO_STREAM_CLOSED.
   */
  isBroken?(error: unknown): boolean
  /** What people call the resource, e.g. its address. Default: its name. */
  displayName?(input: Input): string
  /** Milliseconds that one reconnect may take. Default: 30000. The first connect has the resource's `startTimeout`. */
  readonly connectTimeout?: number
  /** What operations do when their caller does not say. */
  readonly retry?: RetryPolicy
}

/** The delays between the attempts of an operation. Times in milliseconds. */
export interface RetryBackoff {
  /** Default: 200. */
  readonly initial: number
  /** Default: 2. */
  readonly factor: number
  /** The longest delay, chance included. Default: 30000. */
  readonly max: number
  /** full: anything from 0 to the delay, from the injected generator. Default: `full`. */
  readonly jitter: 'none' | 'full'
}

/** How an operation is tried again. */
export interface RetryPolicy {
  /** Further attempts after the first one. Default: 3. */
  readonly retries?: number
  readonly backoff?: Partial<RetryBackoff>
  /** Milliseconds for one attempt, with the waiting for a connection. Default: no limit. */
  readonly timeout?: number
}

/** How one operation is run. */
export interface OperationOptions extends RetryPolicy {
  /** Gives the operation up, also while it waits for its next attempt. */
  readonly signal?: AbortSignal
  /**
   * Decides about each error of the operation itself. Default: for an error of the catalogue its own `retryable`; for another one
   * whether it means a broken connection. Attempts that got no connection are repeated in any case, unless the error says no.
   */
  isRetryable?(error: unknown, attempt: number): boolean
}

/** What an operation gets beside the connection. */
export interface OperationContext {
  /** Aborted when the operation is given up, its time is over, or its connection is replaced or closed. */
  readonly signal: AbortSignal
  /** 1 for the first one. */
  readonly attempt: number
}

/** Counted since this incarnation started. Plain data. */
export interface NetworkStatistics {
  /** Connections that were made. */
  readonly connects: number
  readonly connectFailures: number
  /** Connections that were released, whether that went well or not. */
  readonly disconnects: number
  readonly disconnectFailures: number
  /** Times that a new connection was to take the place of another one. */
  readonly reconnects: number
  /** Operations that were begun, and how many of them are under way. */
  readonly operations: number
  readonly active: number
  /** Attempts that failed, and attempts that were made because of that. */
  readonly failures: number
  readonly retries: number
  /** The clock's time of the last connect and of the last operation that went well. */
  readonly connectedAt?: number
  readonly succeededAt?: number
}

/** What a network resource offers. It belongs to one incarnation. */
export interface NetworkClient<Connection> {
  /** The live connection; undefined while it is broken or being replaced. */
  readonly connection: Connection | undefined
  /**
   * Releases the connection and makes a new one; the resource is DEGRADED meanwhile and keeps its incarnation. Operations that use the
   * old connection are aborted. One reconnect runs at a time: callers who come while it does share it, and it is
   * given up when none of them waits any more.
   * @throws what `connect` throws, as EXO_RESOURCE_FAILED if it has no code; EXO_PEER_TIMEOUT, EXO_READY_TIMEOUT,
   * EXO_ABORTED, EXO_RESOURCE_CLOSED. The resource stays DEGRADED then
   */
  reconnect(options?: WaitOptions & { readonly reason?: unknown }): Promise<Connection>
  /**
   * Runs an operation with the connection, and runs it again when it fails in a way that a further attempt may cure. A connection
   * that is broken is replaced before the next attempt.
   *
   * @example
   * const reply = await client.withConnection((socket, { signal }) => socket.request('PING', { signal }), { retries: 2 })
   *
   * @throws the operation's own error when it is not to be repeated or was tried once only; EXO_RETRIES_EXHAUSTED, with the
   * last error as its cause, `details.attempts` and `details.failures`; EXO_PEER_TIMEOUT; EXO_ABORTED; EXO_RESOURCE_CLOSED;
   * EXO_OPTION_INVALID
   */
  withConnection<Result>(
    operation: (connection: Connection, context: OperationContext) => Result | Promise<Result>,
    options?: OperationOptions,
  ): Promise<Result>
  statistics(): NetworkStatistics
}
