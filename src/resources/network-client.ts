import { refuseAborted } from '../concurrency/refuse-aborted.ts'
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

/** What is known when the attempt of that number has failed. */
interface Tried {
  readonly number: number
  readonly retry: Retry
  readonly failures: FailureList
  readonly options: OperationOptions
}

/** The client of one incarnation of a network resource. */
export class NetworkCore<Input, Connection> implements NetworkClient<Connection> {
  readonly #shape: NetworkShape<Input, Connection>
  readonly #context: InitializeContext<Input>
  readonly #counts = new NetworkCounts()
  readonly #lines: NetworkLines<Input, Connection>
  readonly #retry: Retry

  constructor(shape: NetworkShape<Input, Connection>, context: InitializeContext<Input>) {
    this.#shape = shape
    this.#context = context
    this.#lines = new NetworkLines(shape, context, this.#counts)
    this.#retry = resolveRetry(this.#lines.label, shape.retry)
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
    const retry = this.#retryOf(options)
    refuseAborted(options.signal, `an operation of ${this.#lines.label}`)
    this.#counts.began()
    let failures: FailureList | undefined
    try {
      for (let number = 1; ; number += 1) {
        this.#refuseEnded(options.signal)
        const attempt = new Attempt<Connection>(number)
        let error: unknown
        try {
          const value = await this.#run(operation, attempt, retry.timeout, options.signal)
          this.#counts.succeeded(this.#context.clock.now())
          return value
        } catch (thrown) {
          error = thrown
        } finally {
          attempt.over()
        }
        failures ??= new FailureList()
        this.#judge(this.#failureOf(attempt, error), { number, retry, failures, options })
        this.#counts.add('retries')
        await this.#pause(retry, number, options.signal)
      }
    } finally {
      this.#counts.ended()
    }
  }

  statistics(): NetworkStatistics {
    return this.#counts.snapshot()
  }

  /** The policy of the kind is read once: most operations have none of their own. */
  #retryOf(options: OperationOptions): Retry {
    const { retries, timeout, backoff } = options
    if (retries === undefined && timeout === undefined && backoff === undefined) return this.#retry
    return resolveRetry(this.#lines.label, this.#shape.retry, options)
  }

  /** Counts a failure, and throws unless there is to be another attempt. */
  #judge(failure: Failure, { number, retry, failures, options }: Tried): void {
    this.#counts.add('failures')
    this.#refuseEnded(options.signal, failure.error)
    failures.add(number, failure.error)
    if (!this.#isRetryable(failure, number, options)) throw failure.error
    if (number > retry.retries) {
      throw number === 1 ? failure.error : failures.exhausted(this.#lines.label, number, failure.error)
    }
  }

  async #pause({ backoff }: Retry, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock, random } = this.#context
    const { work } = this.#lines
    const link = linkSignals(signal ? [signal, work] : [work])
    await pause(clock, retryDelay(backoff, attempt, random), link.signal)
    link.unlink()
  }

  /** One attempt, with the connection that there is, or with the next one. */
  #run<Result>(
    operation: Operation<Connection, Result>,
    attempt: Attempt<Connection>,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    if (signal || timeout !== Number.POSITIVE_INFINITY) {
      const { clock } = this.#context
      attempt.watch({ clock, timeout, timeoutError: () => this.#timeoutError(timeout), signal })
    }
    const line = this.#lines.usable
    if (line) return attempt.settled(this.#operate(operation, attempt, line))
    const next = this.#lines.replace(undefined, { signal: attempt.signal })
    return attempt.settled(next.then(replaced => this.#operate(operation, attempt, replaced)))
  }

  #operate<Result>(
    operation: Operation<Connection, Result>,
    attempt: Attempt<Connection>,
    line: Line<Connection>,
  ): Result | Promise<Result> {
    attempt.take(line)
    return operation(line.connection, attempt)
  }

  #failureOf({ line }: Attempt<Connection>, error: unknown): Failure {
    const isBroken = line !== undefined && this.#breaks(line, error)
    return { error, hadConnection: line !== undefined, isBroken }
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
