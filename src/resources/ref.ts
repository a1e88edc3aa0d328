import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { DeadLetter } from '../actors/dead-letters.ts'
import { Mailbox, type MailboxOwner } from '../actors/mailbox.ts'
import { type MailboxPolicy, mailboxPolicy } from '../actors/mailbox-policy.ts'
import { summarize } from '../actors/summary.ts'
import type { Clock } from '../concurrency/clock.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import type { LazyAbort } from '../concurrency/lazy-abort.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import { type WaitOptions, watchLimits } from '../concurrency/wait.ts'
import { type ErrorRecord, ExovisorError, toErrorRecord } from '../errors.ts'
import { Audience } from './audience.ts'
import type { Environment } from './environment.ts'
import { HandlerContext } from './handler-context.ts'
import type { Incarnation, IncarnationChange } from './incarnation.ts'
import { aboutResource, type ResourceLog } from './log.ts'
import { type Down, type DownReason, downReason, type MonitorOptions } from './monitor.ts'
import { RefTracing } from './ref-tracing.ts'
import { pathOf } from './registry-path.ts'
import { isWorking } from './top-state.ts'
import type { TraceEvent } from './trace.ts'
import type { ResourceDefinition, ResourceRef, ResourceSnapshot, StateChange } from './types.ts'
import { abortedError, notReadyError } from './wait-errors.ts'

/** Who owns a ref hears this of it. */
export interface RefOwner {
  /** A message was refused. Not told of those that this causes at the same mailbox. */
  onDeadLetter?(letter: DeadLetter): void
  /**
   * A handler of the current incarnation threw while it handled a `tell`. `resume`, the default: it is logged and
   * the next message follows. `fail`: the incarnation fails with that error.
   */
  onHandlerFault?(error: unknown): 'resume' | 'fail'
}

/** How a ref is created. */
export interface RefOptions<Input, Client, Message> {
  readonly definition: ResourceDefinition<Input, Client, Message>
  readonly name: string
  readonly displayName: string
  readonly environment: Pick<Environment, 'clock' | 'log' | 'path' | 'scheduler' | 'deadLetters'>
  /** A number is a capacity. Default: 1000 messages, `reject`. */
  readonly mailbox?: number | MailboxPolicy | undefined
  readonly owner?: RefOwner | undefined
}

/**
 * The stable handle of a resource, as its owner sees it: callers get it as a {@link ResourceRef}.
 * The owner attaches one incarnation after the other and says when no more will come.
 */
export class Ref<Input, Client, Message> implements ResourceRef<Client, Message>, MailboxOwner<Message> {
  readonly name: string
  #definition: ResourceDefinition<Input, Client, Message>
  readonly #environment: RefOptions<Input, Client, Message>['environment']
  readonly #mailbox: Mailbox<Message>
  readonly #displayName: string
  #owner: RefOwner | undefined
  #current: Incarnation<Input, Client, Message> | undefined
  /** What callers get who come after the end. */
  #ended: ExovisorError | undefined
  /** The end of the current incarnation, and that of the resource. */
  #down: Down | undefined
  #gone: Down | undefined
  #lastError: ErrorRecord | undefined
  #ready: Promise<Client> | undefined
  #waiters: Set<Deferred<Client>> | undefined
  #audience: Audience | undefined
  #tracing: RefTracing<Message> | undefined
  /** How the current incarnation will have ended when it is CLOSED, if not in the normal way. */
  #fate: { readonly reason: DownReason; readonly error: ExovisorError } | undefined
  #restarts = 0
  #since: number

  /** @throws EXO_CHILD_SPEC_INVALID for a wrong mailbox */
  constructor(options: RefOptions<Input, Client, Message>) {
    this.name = options.name
    this.#definition = options.definition
    this.#displayName = options.displayName
    this.#environment = options.environment
    this.#owner = options.owner
    this.#since = options.environment.clock.now()
    this.#mailbox = new Mailbox(this, mailboxPolicy(options.mailbox, this))
  }

  get kind(): string {
    return this.#definition.kind
  }

  get label(): string {
    return `${this.kind} ${JSON.stringify(this.name)}`
  }

  get address(): string {
    return pathOf(this.#environment.path ?? '', this.name)
  }

  get clock(): Clock {
    return this.#environment.clock
  }

  get scheduler(): Scheduler {
    return this.#environment.scheduler
  }

  /** False for a kind that takes no messages. */
  get receives(): boolean {
    return this.#definition.receive !== undefined
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

  get suspended(): boolean {
    return this.#mailbox.isSuspended
  }

  /** The incarnation that stands behind this ref now. */
  get current(): Incarnation<Input, Client, Message> | undefined {
    return this.#current
  }

  /** True when no further incarnation will come by itself. */
  get ended(): boolean {
    return this.#ended !== undefined
  }

  ready(options?: WaitOptions): Promise<Client> {
    if (this.#ready && !options?.signal) return this.#ready
    return this.#whenReady(options)
  }

  tell(message: Message): boolean {
    return this.#mailbox.tell(message)
  }

  send(message: Message, options?: WaitOptions): Promise<void> {
    return this.#mailbox.send(message, options)
  }

  ask(message: Message, options?: WaitOptions): Promise<unknown> {
    return this.#mailbox.ask(message, options)
  }

  subscribe(listener: (change: StateChange) => void): () => void {
    return this.#watched().subscribe(listener)
  }

  monitor(listener: (down: Down) => void, { of = 'resource' }: MonitorOptions = {}): () => void {
    const down = of === 'resource' ? this.#gone : (this.#down ?? this.#gone)
    return this.#watched().monitor(of, listener, down)
  }

  trace(listener: (event: TraceEvent) => void): () => void {
    this.#tracing ??= new RefTracing(this.#watched(), this.#mailbox)
    return this.#tracing.add(listener, this.#current?.actor)
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
      displayName: this.#displayName,
      state: this.state,
      incarnation: this.incarnation,
      restarts: this.#restarts,
      value: this.#current?.value ?? 'UNINITIALIZED',
      since: this.#since,
      ...(this.#lastError && { lastError: this.#lastError }),
      ...(lastHealth && { lastHealth }),
      mailbox: this.#mailbox.size,
      deadLetters: this.#mailbox.deadLetters,
      lateAnswers: this.#mailbox.lateAnswers,
      suspended: this.#mailbox.isSuspended,
      ended: this.ended,
    }
  }

  /** Another owner, e.g. a child spec that replaces one of the same definition: its mailbox setting holds from now on. */
  adopt(owner: RefOwner, mailbox?: number | MailboxPolicy): void {
    this.#mailbox.policy = mailboxPolicy(mailbox, this)
    this.#owner = owner
  }

  /** Messages wait until {@link resume}, through restarts; the one in hand is finished. An ask still times out. */
  suspend(): void {
    this.#mailbox.suspend()
    this.#current?.rest()
  }

  forgetError(): void {
    this.#lastError = undefined
  }

  /** Delivers again, first what has waited. */
  resume(): void {
    this.#mailbox.resume()
    this.#current?.wake()
  }

  /**
   * A new incarnation takes over, before it starts. A ref that had ended lives again.
   *
   * @param definition what it is made of, which may be another one than before
   */
  attach(incarnation: Incarnation<Input, Client, Message>, definition = this.#definition): void {
    if (this.#current) this.#restarts += 1
    this.#current = incarnation
    this.#definition = definition
    this.#down = undefined
    this.#fate = undefined
    if (this.suspended) incarnation.rest()
    this.#tracing?.follow(incarnation.actor)
    this.revive()
  }

  /** An incarnation will come after all: callers may wait for it again. */
  revive(): void {
    this.#ended = undefined
    this.#gone = undefined
    this.#mailbox.reopen()
  }

  /** The current incarnation has changed its state. */
  changed({ state, previous, error }: IncarnationChange): void {
    this.#since = this.clock.now()
    if (error) this.#lastError = toErrorRecord(error)
    this.#ready = undefined
    if (isWorking(state) && !isWorking(previous)) this.#mailbox.open()
    if (isWorking(previous) && !isWorking(state)) this.#pause(state, error)
    if (state === 'READY') for (const waiter of this.#waiters ?? []) waiter.resolve(this.client as Client)
  }

  /** Tells the listeners of a change, after {@link Ref.changed}. */
  announce({ state, previous, error }: IncarnationChange): void {
    this.#audience?.changed({
      state,
      previous,
      incarnation: this.incarnation,
      ...(error && this.#lastError && { error: this.#lastError }),
    })
    if (state === 'ERROR') this.#fell('failed', error)
    if (state === 'CLOSED') this.#fell(this.#fate?.reason ?? 'normal', this.#fate?.error)
  }

  /** The cleanup of the current incarnation threw or took too long. */
  cleanupFailed(error: ExovisorError): void {
    if (error.code === 'EXO_SHUTDOWN_TIMEOUT') this.#fate ??= { reason: 'killed', error }
  }

  /** As {@link Ref.end}, but an incarnation will come in time, so that monitors of the resource are told nothing. */
  shut(error: ExovisorError): void {
    this.#ended = error
    this.#ready = undefined
    this.#mailbox.close(error)
    for (const waiter of this.#waiters ?? []) waiter.reject(error)
  }

  /**
   * No further incarnation will come by itself: whoever waits gets `error`, and so does whoever comes later.
   *
   * @param reason what monitors are told; by default the code of the error says it
   */
  end(error: ExovisorError, reason = downReason(error)): void {
    this.shut(error)
    // Who heard of the messages that waited may have started it again.
    if (this.#gone || this.#ended !== error) return
    const isKilled = reason === 'normal' && this.#fate?.reason === 'killed'
    this.#gone = this.#createDown(isKilled ? 'killed' : reason, isKilled ? this.#fate?.error : error)
    this.#audience?.ended('resource', this.#gone)
    if (!this.#current) this.#audience?.ended('incarnation', this.#gone)
  }

  receive(message: Message, work: LazyAbort): unknown {
    const { client, self } = this.#current as Incarnation<Input, Client, Message>
    return this.#definition.receive?.(client as Client, message, new HandlerContext(self, work))
  }

  buried(letter: DeadLetter, isEcho: boolean): void {
    const { clock, deadLetters } = this.#environment
    const { kind, name, incarnation } = this
    deadLetters?.record({ ...letter, at: clock.now(), kind, name, incarnation })
    if (isEcho) return
    const { message, reason } = letter
    if (this.#audience?.isTracing)
      this.#audience.traced({ type: 'dead_letter', message: summarize(message), reason })
    this.#guard('a listener for dead letters', () => this.#owner?.onDeadLetter?.(letter))
  }

  handlerFailed(error: unknown, isLate: boolean): void {
    const facts = { error: toErrorRecord(error, 'EXO_RESOURCE_FAILED') }
    if (isLate) {
      this.#log.debug(facts, `${this.label} threw while it handled a message, after its end`)
      return
    }
    this.#guard('the judge of handler faults', () => {
      if (this.#owner?.onHandlerFault?.(error) === 'fail') this.fail(error)
      else this.#log.error(facts, `${this.label} threw while it handled a message`)
    })
  }

  /** For lines about its current incarnation. */
  get #log(): ResourceLog {
    return aboutResource(this.#environment, this)
  }

  #whenReady({ timeout, signal }: WaitOptions = {}): Promise<Client> {
    if (signal?.aborted) return Promise.reject(abortedError(this, signal.reason))
    if (this.#ended) return Promise.reject(this.#ended)
    if (this.state === 'READY') {
      this.#ready ??= Promise.resolve(this.client as Client)
      return this.#ready
    }
    const waiter = deferred<Client>()
    this.#waiters ??= new Set()
    this.#waiters.add(waiter)
    const stopWatching = watchLimits(
      this.clock,
      { ...(timeout !== undefined && { timeout }), ...(signal && { signal }) },
      {
        timeout: () => waiter.reject(notReadyError(this, timeout)),
        abort: reason => waiter.reject(abortedError(this, reason)),
      },
    )
    return waiter.promise.finally(() => {
      stopWatching()
      this.#waiters?.delete(waiter)
      if (this.#waiters?.size === 0) this.#waiters = undefined
    })
  }

  /** The current incarnation will never work again. */
  #fell(reason: DownReason, error: ExovisorError | undefined): void {
    if (this.#down) return
    this.#down = this.#createDown(reason, error)
    this.#audience?.ended('incarnation', this.#down)
  }

  #createDown(reason: DownReason, error: ExovisorError | undefined): Down {
    const { kind, name, incarnation } = this
    return { kind, name, incarnation, reason, ...(reason !== 'normal' && error && { error }) }
  }

  #watched(): Audience {
    this.#audience ??= new Audience(this, () => this.#log)
    return this.#audience
  }

  #guard(who: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#log.error({ error: toErrorRecord(error) }, `${who} of ${this.label} threw`)
    }
  }

  #pause(state: LifecycleState, error: ExovisorError | undefined): void {
    this.#mailbox.pause(this.#mailbox.isAtWork ? () => this.#left(state, error) : undefined)
  }

  #left(state: LifecycleState, cause: ExovisorError | undefined): ExovisorError {
    if (state === 'ERROR' || this.#fate) {
      return new ExovisorError('EXO_RESOURCE_FAILED', `${this.label} failed while it handled the message`, {
        cause: cause ?? this.#fate?.error,
      })
    }
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.label} was closed while it handled the message`)
  }
}
