import type { Clock } from '../concurrency/clock.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { limited } from '../concurrency/limit.ts'
import { waitFor } from '../concurrency/wait-for.ts'
import { ExovisorError, thrownText, toErrorRecord } from '../errors.ts'
import { toFailure } from './failure.ts'
import type { Attempt } from './network-attempt.ts'
import type { NetworkCounts } from './network-counts.ts'
import type { NetworkShape } from './network-types.ts'
import { ownerOf } from './self.ts'
import type { InitializeContext, WaitOptions } from './types.ts'

const CONNECT_TIMEOUT_MS = 30_000

/** One connection, from the beginning of its connect to the end of its disconnect. */
export interface Line<Connection> {
  readonly connection: Connection
  /** Aborted, with the reason, when the connection must not be used any more. */
  readonly end: AbortController
  /** What uses it now, and is given up when it ends. */
  readonly attempts: Set<Attempt<Connection>>
}

/** A reconnect under way. */
interface Replacement<Connection> {
  readonly done: Deferred<Line<Connection>>
  readonly abort: AbortController
  waiters: number
}

/** The connections of one network resource: one at a time, and each is released exactly once. */
export class NetworkLines<Input, Connection> {
  readonly label: string
  readonly #shape: NetworkShape<Input, Connection>
  readonly #context: InitializeContext<Input>
  readonly #counts: NetworkCounts
  /** Aborted when the resource no longer works. */
  readonly work: AbortSignal
  #current: Line<Connection> | undefined
  #replacement: Replacement<Connection> | undefined
  /** Connects and disconnects that nobody waits for any more. */
  readonly #leftBehind = new Set<Promise<void>>()

  constructor(
    shape: NetworkShape<Input, Connection>,
    context: InitializeContext<Input>,
    counts: NetworkCounts,
  ) {
    this.#shape = shape
    this.#context = context
    this.#counts = counts
    this.work = ownerOf(context.self).work
    this.label = `${shape.kind} ${JSON.stringify(context.self.name)}`
    this.work.addEventListener('abort', () => this.#endWork(), { once: true })
  }

  get clock(): Clock {
    return this.#context.clock
  }

  /** The connection that may be used now. */
  get usable(): Line<Connection> | undefined {
    return this.#current?.end.signal.aborted ? undefined : this.#current
  }

  get isClosed(): boolean {
    return this.work.aborted
  }

  /** The first connection. */
  async open(): Promise<void> {
    this.#current = await this.#connect(this.#context.signal)
    // It may break before the resource is READY, when nobody can be told yet.
    this.clock.nextTurn(() => {
      if (this.#current?.end.signal.aborted) this.#context.self.degrade(this.#current.end.signal.reason)
    })
  }

  /** The connection cannot be used any more. */
  breakLine(line: Line<Connection>, reason: unknown): void {
    line.end.abort(toFailure(reason, this.label, 'has lost its connection'))
    if (line === this.#current) this.#context.self.degrade(line.end.signal.reason)
  }

  /** A new connection in the place of the present one; shared with others who ask while it is made. */
  replace(reason: unknown, limits: WaitOptions): Promise<Line<Connection>> {
    if (this.isClosed) return Promise.reject(this.closedError())
    const replacement = this.#replacement ?? this.#beginReplacement(reason)
    replacement.waiters += 1
    return waitFor(replacement.done.promise, this.clock, `the reconnect of ${this.label}`, limits).finally(
      () => {
        replacement.waiters -= 1
        if (replacement.waiters > 0) return
        replacement.abort.abort(
          new ExovisorError('EXO_ABORTED', `nobody waits for the reconnect of ${this.label} any more`),
        )
      },
    )
  }

  /** Releases everything. Rejects with what the last disconnect threw. */
  async close(reason: string, signal: AbortSignal): Promise<void> {
    this.#endWork()
    await this.#replacement?.done.promise.catch(() => undefined)
    const line = this.#current
    this.#current = undefined
    line?.end.abort(this.closedError())
    try {
      if (line) await this.#release(line, reason, signal)
    } finally {
      while (this.#leftBehind.size > 0) await Promise.all(this.#leftBehind)
    }
  }

  closedError(cause?: unknown): ExovisorError {
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.label} no longer works`, { cause })
  }

  unreachableError(): ExovisorError {
    return new ExovisorError('EXO_PEER_UNREACHABLE', `${this.label} has no connection`)
  }

  #endWork(): void {
    this.#current?.end.abort(this.closedError())
    this.#replacement?.abort.abort(this.closedError())
  }

  #beginReplacement(reason: unknown): Replacement<Connection> {
    const replacement = { done: deferred<Line<Connection>>(), abort: new AbortController(), waiters: 0 }
    this.#replacement = replacement
    this.#counts.add('reconnects')
    this.#context.self.degrade(
      reason ?? new ExovisorError('EXO_PEER_UNREACHABLE', `${this.label} is told to reconnect`),
    )
    void this.#replace(replacement.abort.signal)
      .finally(() => {
        this.#replacement = undefined
      })
      .then(replacement.done.resolve, replacement.done.reject)
    return replacement
  }

  async #replace(signal: AbortSignal): Promise<Line<Connection>> {
    const old = this.#current
    this.#current = undefined
    if (old) {
      old.end.abort(
        new ExovisorError('EXO_PEER_UNREACHABLE', `the connection of ${this.label} is being replaced`),
      )
      await this.#limited('disconnect', signal, inner =>
        this.#release(old, 'replaced by another connection', inner),
      ).catch((error: unknown) => this.#logDisconnect(error))
    }
    try {
      this.#current = await this.#limited('connect', signal, inner => this.#connect(inner))
    } catch (error) {
      throw toFailure(error, this.label, 'failed to reconnect')
    }
    this.#context.self.recovered()
    return this.#current
  }

  /**
   * Bounds a connect or disconnect in time. One that is left behind is waited for by `close`, and a connection that it gives after
   * all is released.
   */
  async #limited<T extends Line<Connection> | undefined>(
    what: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeout = this.#shape.connectTimeout ?? CONNECT_TIMEOUT_MS
    const timeoutError = (): Error =>
      new ExovisorError('EXO_PEER_TIMEOUT', `${this.label} did not ${what} within ${timeout} ms`)
    let running: Promise<T> | undefined
    try {
      return await limited({ clock: this.clock, timeout, timeoutError, signal }, inner => {
        running = work(inner)
        return running
      })
    } catch (error) {
      if (running) this.#leaveBehind(running)
      throw error
    }
  }

  #leaveBehind(running: Promise<Line<Connection> | undefined>): void {
    const { signal } = new AbortController()
    const ended = running
      .then(late => (late ? this.#release(late, 'it came too late', signal) : undefined))
      .then(
        () => undefined,
        // Its failure was told of already.
        () => undefined,
      )
      .finally(() => this.#leftBehind.delete(ended))
    this.#leftBehind.add(ended)
  }

  async #connect(signal: AbortSignal): Promise<Line<Connection>> {
    const { input, log, clock, random } = this.#context
    const end = new AbortController()
    const attempts = new Set<Attempt<Connection>>()
    const giveUp = (): void => {
      for (const attempt of attempts) attempt.giveUp(end.signal.reason)
    }
    end.signal.addEventListener('abort', giveUp, { once: true })
    let line: Line<Connection> | undefined
    const lost = (reason: unknown): void => {
      if (line) this.breakLine(line, reason)
      else if (!end.signal.aborted) end.abort(toFailure(reason, this.label, 'has lost its connection'))
    }
    try {
      const connection = await this.#shape.connect(input, { signal, log, clock, random, lost })
      line = { connection, end, attempts }
    } catch (error) {
      this.#counts.add('connectFailures')
      throw error
    }
    this.#counts.connected(this.clock.now())
    if (!end.signal.aborted) return line
    await this.#release(line, 'it broke at once', signal).catch((error: unknown) =>
      this.#logDisconnect(error),
    )
    throw end.signal.reason
  }

  async #release({ connection }: Line<Connection>, reason: string, signal: AbortSignal): Promise<undefined> {
    this.#counts.add('disconnects')
    try {
      await this.#shape.disconnect(connection, { reason, signal })
      return undefined
    } catch (error) {
      this.#counts.add('disconnectFailures')
      throw error
    }
  }

  #logDisconnect(error: unknown): void {
    this.#context.log.warn(
      { error: toErrorRecord(error, 'EXO_RESOURCE_FAILED') },
      `${this.label} could not release a connection: ${thrownText(error)}`,
    )
  }
}
