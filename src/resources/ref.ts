import type { LifecycleState } from '../../machines/lifecycle.ts'
import { type DeadLetter, Mailbox } from '../actors/mailbox.ts'
import type { Clock } from '../concurrency/clock.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { type WaitOptions, watchLimits } from '../concurrency/wait.ts'
import { type ErrorRecord, ExovisorError, toErrorRecord } from '../errors.ts'
import { type Incarnation, type IncarnationChange, isWorking } from './incarnation.ts'
import type { ResourceLog } from './log.ts'
import type { ResourceDefinition, ResourceRef, ResourceSnapshot, StateChange } from './types.ts'

interface RefOptions<Input, Client, Message> {
  readonly definition: ResourceDefinition<Input, Client, Message>
  readonly name: string
  readonly displayName: string
  readonly clock: Clock
  readonly log: ResourceLog
  /** How many messages wait at most. */
  readonly mailbox: number
  onDeadLetter?(letter: DeadLetter): void
}

/**
 * The stable handle of a resource, as its owner sees it: callers get it as a {@link ResourceRef}.
 * The owner attaches one incarnation after the other and says when no more will come.
 */
export class Ref<Input, Client, Message> implements ResourceRef<Client, Message> {
  readonly kind: string
  readonly name: string
  readonly #options: RefOptions<Input, Client, Message>
  readonly #mailbox: Mailbox<Message>
  readonly #waiters = new Set<Deferred<Client>>()
  readonly #listeners = new Set<(change: StateChange) => void>()
  #current: Incarnation<Input, Client, Message> | undefined
  #ended: ExovisorError | undefined
  #lastError: ErrorRecord | undefined
  #restarts = 0
  #since: number

  constructor(options: RefOptions<Input, Client, Message>) {
    const { definition, name, clock, log, mailbox } = options
    this.#options = options
    this.kind = definition.kind
    this.name = name
    this.#since = clock.now()
    this.#mailbox = new Mailbox({
      owner: this.label,
      capacity: mailbox,
      clock,
      receives: definition.receive !== undefined,
      onDeadLetter: letter => options.onDeadLetter?.(letter),
      onFault: error =>
        log.error(
          { error: toErrorRecord(error, 'EXO_RESOURCE_FAILED') },
          `${this.label} threw while it handled a message`,
        ),
    })
  }

  /** Kind and name, as messages name it. */
  get label(): string {
    return `${this.kind} ${JSON.stringify(this.name)}`
  }

  get state(): LifecycleState {
    return this.#current?.state ?? 'UNINITIALIZED'
  }

  get incarnation(): number {
    return this.#current?.number ?? 0
  }

  get lastError(): ErrorRecord | undefined {
    return this.#lastError
  }

  get client(): Client | undefined {
    return this.#current?.client
  }

  /** The incarnation that stands behind this ref now. */
  get current(): Incarnation<Input, Client, Message> | undefined {
    return this.#current
  }

  /** True when no further incarnation will come by itself. */
  get ended(): boolean {
    return this.#ended !== undefined
  }

  ready({ timeout, signal }: WaitOptions = {}): Promise<Client> {
    if (signal?.aborted) return Promise.reject(this.#aborted(signal.reason))
    if (this.#ended) return Promise.reject(this.#ended)
    if (this.state === 'READY') return Promise.resolve(this.client as Client)
    const waiter = deferred<Client>()
    this.#waiters.add(waiter)
    const stopWatching = watchLimits(
      this.#options.clock,
      { ...(timeout !== undefined && { timeout }), ...(signal && { signal }) },
      {
        timeout: () => waiter.reject(this.#notReady(timeout)),
        abort: reason => waiter.reject(this.#aborted(reason)),
      },
    )
    return waiter.promise.finally(() => {
      stopWatching()
      this.#waiters.delete(waiter)
    })
  }

  tell(message: Message): boolean {
    return this.#mailbox.tell(message)
  }

  ask(message: Message, options?: WaitOptions): Promise<unknown> {
    return this.#mailbox.ask(message, options)
  }

  subscribe(listener: (change: StateChange) => void): () => void {
    // Wrapped, so that the same function subscribed twice is told twice and can be taken back once.
    const own = (change: StateChange): void => listener(change)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  degrade(reason: unknown): void {
    this.#current?.degrade(reason)
  }

  fail(error: unknown): void {
    this.#current?.fail(error)
  }

  snapshot(): ResourceSnapshot {
    const lastHealth = this.#current?.lastHealth
    return {
      kind: this.kind,
      name: this.name,
      displayName: this.#options.displayName,
      state: this.state,
      incarnation: this.incarnation,
      restarts: this.#restarts,
      value: this.#current?.value ?? 'UNINITIALIZED',
      since: this.#since,
      ...(this.#lastError && { lastError: this.#lastError }),
      ...(lastHealth && { lastHealth }),
      mailbox: this.#mailbox.size,
      deadLetters: this.#mailbox.deadLetters,
      ended: this.ended,
    }
  }

  /** A new incarnation takes over, before it starts. A ref that had ended lives again. */
  attach(incarnation: Incarnation<Input, Client, Message>): void {
    if (this.#current) this.#restarts += 1
    this.#current = incarnation
    this.revive()
  }

  /** An incarnation will come after all: callers may wait for it again. */
  revive(): void {
    this.#ended = undefined
    this.#mailbox.reopen()
  }

  /** The current incarnation has changed its state. */
  changed({ state, previous, error }: IncarnationChange): void {
    this.#since = this.#options.clock.now()
    if (error) this.#lastError = toErrorRecord(error)
    if (isWorking(state) && !isWorking(previous)) this.#open()
    if (isWorking(previous) && !isWorking(state)) this.#mailbox.pause(this.#left(state, error))
    if (state === 'READY') for (const waiter of this.#waiters) waiter.resolve(this.client as Client)
  }

  /** Tells the listeners of a change, after {@link Ref.changed}. */
  announce({ state, previous, error }: IncarnationChange): void {
    if (this.#listeners.size === 0) return
    const change: StateChange = {
      state,
      previous,
      incarnation: this.incarnation,
      ...(error && this.#lastError && { error: this.#lastError }),
    }
    for (const listener of [...this.#listeners]) this.#notify(listener, change)
  }

  /** No further incarnation will come by itself: whoever waits gets `error`, and so does whoever comes later. */
  end(error: ExovisorError): void {
    this.#ended = error
    this.#mailbox.close(error)
    for (const waiter of this.#waiters) waiter.reject(error)
  }

  #open(): void {
    const incarnation = this.#current
    const { definition } = this.#options
    if (!incarnation) return
    const { self } = incarnation
    this.#mailbox.open((message, signal) =>
      definition.receive?.(incarnation.client as Client, message, { signal, self }),
    )
  }

  #notify(listener: (change: StateChange) => void, change: StateChange): void {
    try {
      listener(change)
    } catch (error) {
      this.#options.log.error({ error: toErrorRecord(error) }, `a subscriber of ${this.label} threw`)
    }
  }

  #left(state: LifecycleState, cause: ExovisorError | undefined): ExovisorError {
    if (state === 'ERROR') {
      return new ExovisorError('EXO_RESOURCE_FAILED', `${this.label} failed while it handled the message`, {
        cause,
      })
    }
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.label} was closed while it handled the message`)
  }

  #aborted(cause: unknown): ExovisorError {
    return new ExovisorError('EXO_ABORTED', `the caller no longer waits for ${this.label}`, { cause })
  }

  #notReady(timeout: number | undefined): ExovisorError {
    const last = this.#lastError ? `, its last error is: ${this.#lastError.message}` : ''
    return new ExovisorError(
      'EXO_READY_TIMEOUT',
      `${this.label} was not READY within ${timeout} ms: it is ${this.state}${last}`,
      { details: { state: this.state, incarnation: this.incarnation, timeout } },
    )
  }
}
