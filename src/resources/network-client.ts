import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import { schedule } from '../concurrency/timer.ts'
import type { WaitOptions } from '../concurrency/wait.ts'
import { ExovisorError, isExovisorError, toErrorRecord } from '../errors.ts'
import { linkSignals } from './linked-signal.ts'
import { Attempt } from './network-attempt.ts'
import { NetworkCounts } from './network-counts.ts'
import { type Line, NetworkLines } from './network-lines.ts'
import { FailureList, meansBroken, pause, type Retry, resolveRetry, retryDelay } from './network-retry.ts'
import type {
  NetworkClient,
  NetworkShape,
  NetworkStatistics,
  OperationContext,
  OperationOptions,
} from './network-types.ts'
import type { InitializeContext } from './types.ts'

type Operation<Connection, Result> = (
  connection: Connection,
  context: OperationContext,
) => Result | Promise<Result>

/** How one attempt failed. */
interface Failure {
  readonly error: unknown
  /** False when there was no connection to run the operation with. */
  readonly hadConnection: boolean
  readonly isBroken: boolean
}

type Outcome<Result> = { readonly value: Result } | Failure

/** The client of one incarnation of a network resource. */
export class NetworkCore<Input, Connection> implements NetworkClient<Connection> {
  readonly #shape: NetworkShape<Input, Connection>
  readonly #context: InitializeContext<Input>
  readonly #counts = new NetworkCounts()
  readonly #lines: NetworkLines<Input, Connection>

  constructor(shape: NetworkShape<Input, Connection>, context: InitializeContext<Input>) {
    this.#shape = shape
    this.#context = context
    this.#lines = new NetworkLines(shape, context, this.#counts)
  }

  get connection(): Connection | undefined {
    return this.#lines.usable?.connection
  }

  open(): Promise<void> {
    return this.#lines.open()
  }

  close(reason: string, signal: AbortSignal): Promise<void> {
    return this.#lines.close(reason, signal)
  }

  async check(signal: AbortSignal): Promise<void> {
    const line = this.#lines.usable
    if (line === undefined) throw this.#lines.unreachableError()
    await this.#shape.ping?.(line.connection, { signal })
  }

  async reconnect({
    reason,
    ...limits
  }: WaitOptions & { readonly reason?: unknown } = {}): Promise<Connection> {
    refuseAborted(limits.signal, `the reconnect of ${this.#lines.label}`)
    const { connection } = await this.#lines.replace(reason, limits)
    return connection
  }

  async withConnection<Result>(
    operation: Operation<Connection, Result>,
    options: OperationOptions = {},
  ): Promise<Result> {
    const retry = resolveRetry(this.#lines.label, this.#shape.retry, options)
    refuseAborted(options.signal, `an operation of ${this.#lines.label}`)
    this.#counts.add('operations')
    this.#counts.add('active')
    try {
      return await this.#attempts(operation, options, retry)
    } finally {
      this.#counts.add('active', -1)
    }
  }

  statistics(): NetworkStatistics {
    return this.#counts.snapshot()
  }

  async #attempts<Result>(
    operation: Operation<Connection, Result>,
    options: OperationOptions,
    retry: Retry,
  ): Promise<Result> {
    const failures = new FailureList()
    for (let number = 1; ; number += 1) {
      this.#refuseEnded(options.signal)
      const outcome = await this.#attempt(operation, new Attempt(number), retry.timeout, options.signal)
      if ('value' in outcome) return outcome.value
      this.#counts.add('failures')
      this.#refuseEnded(options.signal, outcome.error)
      failures.add(number, outcome.error)
      if (!this.#isRetryable(outcome, number, options)) throw outcome.error
      if (number > retry.retries) {
        throw number === 1 ? outcome.error : failures.exhausted(this.#lines.label, number, outcome.error)
      }
      this.#counts.add('retries')
      await this.#pause(retry, number, options.signal)
    }
  }

  async #pause({ backoff }: Retry, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock, random } = this.#context
    const { work } = this.#lines
    const link = linkSignals(signal ? [signal, work] : [work])
    await pause(clock, retryDelay(backoff, attempt, random), link.signal)
    link.unlink()
  }

  async #attempt<Result>(
    operation: Operation<Connection, Result>,
    attempt: Attempt<Result>,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<Result>> {
    const { clock } = this.#context
    let line: Line<Connection> | undefined
    const cancelTimer = schedule(clock, timeout, () => attempt.giveUp(this.#timeoutError(timeout)))
    const abort = signal && (() => attempt.giveUp(signal.reason))
    if (abort) signal.addEventListener('abort', abort, { once: true })
    try {
      const value = await attempt.run(async () => {
        line = this.#lines.usable ?? (await this.#lines.replace(undefined, { signal: attempt.signal }))
        return await this.#operate(line, operation, attempt)
      })
      this.#counts.succeeded(clock.now())
      return { value }
    } catch (error) {
      const isBroken = line !== undefined && this.#breaks(line, error)
      return { error, hadConnection: line !== undefined, isBroken }
    } finally {
      cancelTimer()
      if (abort) signal.removeEventListener('abort', abort)
      line?.attempts.delete(attempt)
    }
  }

  /** Runs the operation, which its connection gives up when it ends. */
  #operate<Result>(
    { connection, end, attempts }: Line<Connection>,
    operation: Operation<Connection, Result>,
    attempt: Attempt<Result>,
  ): Result | Promise<Result> {
    if (end.signal.aborted) attempt.giveUp(end.signal.reason)
    attempt.refuseGivenUp()
    attempts.add(attempt)
    return operation(connection, attempt)
  }

  #timeoutError(timeout: number): ExovisorError {
    return new ExovisorError(
      'EXO_PEER_TIMEOUT',
      `an operation of ${this.#lines.label} took longer than ${timeout} ms`,
    )
  }

  /** True when this error means that the connection is broken. */
  #breaks(line: Line<Connection>, error: unknown): boolean {
    const { isBroken = meansBroken } = this.#shape
    if (!this.#ask(() => isBroken(error))) return false
    this.#lines.breakLine(line, error)
    return true
  }

  #isRetryable(
    { error, hadConnection, isBroken }: Failure,
    attempt: number,
    options: OperationOptions,
  ): boolean {
    if (hadConnection && options.isRetryable) return this.#ask(() => options.isRetryable?.(error, attempt))
    return isExovisorError(error) ? error.retryable : isBroken
  }

  /** Asks a function of the user's. One that throws says no. */
  #ask(question: () => boolean | undefined): boolean {
    try {
      return question() === true
    } catch (error) {
      this.#context.log.error(
        { error: toErrorRecord(error, 'EXO_RESOURCE_FAILED') },
        `${this.#lines.label} could not judge an error, because its judge threw`,
      )
      return false
    }
  }

  /** Throws when nobody wants the operation any more, or nobody can do it. */
  #refuseEnded(signal: AbortSignal | undefined, cause?: unknown): void {
    refuseAborted(signal, `an operation of ${this.#lines.label}`)
    if (this.#lines.isClosed) throw this.#lines.closedError(cause)
  }
}
