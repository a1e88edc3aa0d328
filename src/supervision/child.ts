import type { DeadLetter } from '../actors/dead-letters.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import type { CancelTimer } from '../concurrency/timer.ts'
import type { ExovisorError } from '../errors.ts'
import type { Incarnation, IncarnationChange } from '../resources/incarnation.ts'
import type { RefOwner } from '../resources/ref.ts'
import type { ChildHost, FirstStart } from './child-host.ts'
import { CommandedChild, type WantedEnd } from './commanded-child.ts'
import { directiveFor } from './decide.ts'
import type { EventFacts } from './events/event.ts'
import { FailureHandling } from './failure-handling.ts'
import { incarnationFor, refFor } from './launch.ts'
import type { Directive, Policy } from './policy.ts'
import type { AnyChildSpec } from './types.ts'

type AnyIncarnation = Incarnation<unknown, unknown, unknown>

const nothing: CancelTimer = () => undefined

/** One child of a supervisor: one incarnation after the other behind one ref. */
export class Child extends CommandedChild implements RefOwner {
  readonly #failures: FailureHandling
  #count: number
  /** Set while a first start has not ended. */
  #first: FirstStart | undefined
  /** Set while a start as one of a group has not ended. */
  #resumed: Deferred<void> | undefined
  /** What a start as one of a graph depends on, also when there is a place for it. */
  #mayStart: (() => boolean) | undefined
  #restarting = false
  #nextAttemptAt: number | undefined
  #cancelTry = nothing
  hasPlace = false

  /** @param predecessor a stopped child of the same id, whose numbers go on; its ref too, if the definition is the same */
  constructor(spec: AnyChildSpec, policy: Policy, host: ChildHost, predecessor?: Child) {
    const isSame = predecessor?.spec.resource === spec.resource
    super(spec, policy, host, isSame && predecessor ? predecessor.ref : refFor(spec, host.environment))
    this.#count = predecessor?.ref.incarnation ?? 0
    this.history = predecessor?.history
    this.ref.adopt(this, spec.mailbox)
    this.#failures = new FailureHandling(this)
  }

  /** What its policy says of its last failure. */
  get directive(): Directive {
    return this.#failures.directive
  }

  override get isAwaited(): boolean {
    return this.#first !== undefined
  }

  /** True while its first start waits for what comes before it. */
  get isPromised(): boolean {
    return this.#first?.isPromised === true
  }

  get isFirstStarting(): boolean {
    return this.#first?.isPromised === false
  }

  /** True between the end of an incarnation and the READY of the next. */
  get isRestarting(): boolean {
    return this.#restarting
  }

  /** The clock's time of the next restart, while one waits. */
  get nextAttemptAt(): number | undefined {
    return this.#nextAttemptAt
  }

  /** A new spec and policy. The incarnation that runs goes on as it is; the next one is made of the new ones. The mailbox belongs to both. */
  adopt(spec: AnyChildSpec, policy: Policy): void {
    if (spec.mailbox !== this.spec.mailbox) this.ref.adopt(this, spec.mailbox)
    this.replace(spec, policy)
    this.#failures.adopt(policy)
  }

  emit(event: EventFacts): void {
    this.host.emit(this, event)
  }

  /** It stays in ERROR: its policy does not act there. */
  left(error: ExovisorError): void {
    this.ref.end(error)
    this.#endResuming()
  }

  /** The first start, as soon as what comes before it is up. Rejects with the reason why that failed, or, after the cleanup, why it failed itself. */
  firstStart(): Promise<void> {
    const first = { ...deferred<void>(), isPromised: false }
    this.#first = first
    if (this.host.prerequisites.areMet(this)) this.host.gate.enter(this)
    else this.#promise(first)
    return first.promise
  }

  #promise(first: FirstStart): void {
    first.isPromised = true
    const begin = (): void => {
      first.isPromised = false
      if (this.#first === first) this.host.gate.enter(this)
    }
    const failed = (error: unknown): void => {
      if (this.#first === first) this.#first = undefined
      first.reject(error)
    }
    this.host.prerequisites.met(this).then(begin, failed)
  }

  /** Counts and announces a restart. Its delay by the backoff is the result. */
  announceRestart(): number {
    const delay = this.record.next(this.host.environment.random)
    this.#nextAttemptAt = this.now + delay
    this.#setRestarting(true)
    this.emit({ type: 'backoff_scheduled', delay })
    return delay
  }

  /** Announces a restart, and calls back after the delay of the backoff unless it was told something else meanwhile. By default it starts then. */
  awaitRestart(due?: () => void): void {
    const { command } = this
    const delay = this.announceRestart()
    // Who heard of it may have told the child something else.
    if (!this.isLast(command)) return
    this.#cancelTry = this.host.after(delay, () => {
      if (!this.isLast(command)) return
      if (due) due()
      else this.#startAlone(command)
    })
  }

  /** No further incarnation will come by itself. */
  retire(error: ExovisorError, reason: string): void {
    this.#conclude(error, { type: 'stopped', reason })
  }

  /** It found that it is not wanted: known, but not running, as if it had been stopped. */
  ignore(reason: string): void {
    this.#conclude(this.closedError(reason), { type: 'ignored', reason })
  }

  #conclude(error: ExovisorError, event: EventFacts): void {
    const { command } = this
    if (this.record.circuit !== 'closed') this.record.closeCircuit()
    this.#setRestarting(false)
    this.ref.end(error)
    // Who heard of the messages that waited may have started it again.
    if (this.isLast(command)) this.emit(event)
  }

  /** Its intensity is spent, or its failure is for the supervisor to decide. */
  giveUp(error: ExovisorError): void {
    this.#setRestarting(false)
    this.ref.end(error)
    this.emit({ type: this.directive === 'escalate' ? 'escalated' : 'gave_up', error })
  }

  /** Its intensity is spent: it stays down and is tried again after `ms`. Whoever waits for it is told so. */
  openCircuit(error: ExovisorError, ms: number): void {
    const { command } = this
    this.record.circuit = 'open'
    this.#setRestarting(false)
    this.ref.shut(error)
    if (!this.isLast(command)) return
    this.#nextAttemptAt = this.now + ms
    this.emit({ type: 'circuit_opened', error, delay: ms })
    if (!this.isLast(command)) return
    this.#cancelTry = this.host.after(ms, () => {
      if (!this.isLast(command)) return
      this.record.circuit = 'half_open'
      this.emit({ type: 'circuit_half_open' })
      this.leaveToPolicy()
      this.#setRestarting(true)
      this.ref.revive()
      this.#startAlone(command)
    })
  }

  /** From now on the policy does nothing: the child is about to be told what to do. */
  freeze(reason: string, wanted?: WantedEnd): number {
    const command = this.take(wanted)
    this.#cancelTry()
    this.host.gate.leave(this)
    this.#failures.freeze()
    this.#nextAttemptAt = undefined
    this.#first?.reject(this.closedError(reason))
    this.#first = undefined
    this.#mayStart = undefined
    this.#endResuming()
    return command
  }

  /** Closes the incarnation of a frozen child that is to be resumed later: whoever waits for it goes on waiting. */
  async hold(reason: string): Promise<void> {
    const { command } = this
    this.ref.revive()
    await this.ref.current?.close(reason)
    if (this.isLast(command)) this.#setRestarting(true)
  }

  /**
   * A successor, as one of a group, as soon as there is a place among those that start. Resolves when its start has ended, in whatever way.
   *
   * @param mayStart asked when the place is there; when it says no, the child is held as before
   */
  release(mayStart?: () => boolean): Promise<void> {
    const resumed = deferred<void>()
    this.#resumed = resumed
    this.#mayStart = mayStart
    this.leaveToPolicy()
    this.#queue()
    return resumed.promise
  }

  /** Resolves when the start that somebody's word, or its group, has begun has ended. */
  async settled(): Promise<void> {
    await this.#resumed?.promise
  }

  /**
   * Stops it. Resolves when CLOSED; wins over everything that was under way.
   *
   * @param before what has to be done before it closes; it is told at once all the same
   */
  async stop(reason: string, wanted: WantedEnd = 'stopped', before?: () => Promise<void>): Promise<void> {
    const wasGone = this.ref.current !== undefined && this.isGone
    // A word also to one that is stopped: a group that restarts may be about to bring it back.
    const command = this.freeze(reason, wanted)
    if (before) await before()
    if (!this.isLast(command)) return
    await this.ref.current?.close(reason)
    if (this.isLast(command) && !wasGone) this.retire(this.closedError(reason), reason)
  }

  /**
   * A new incarnation at once, by somebody's word. Resolves when it is READY.
   *
   * @param before what has to be done before the current one closes; it is told at once all the same
   */
  async restart(before?: () => Promise<void>): Promise<void> {
    const command = this.freeze('restarted')
    this.#resumed = deferred()
    this.ref.revive()
    if (before) await before()
    if (this.isLast(command)) await this.ref.current?.close('restarted')
    if (this.isLast(command)) {
      this.leaveToPolicy()
      this.record.forgive()
      if (this.record.circuit !== 'closed') this.record.closeCircuit()
      this.#launch()
    }
    await this.ref.ready()
  }

  /** A restart that no group has a say in, as soon as what it starts after is up. */
  #startAlone(command: number): void {
    if (!this.isLast(command)) return
    const { prerequisites } = this.host
    const again = (): void => this.#startAlone(command)
    if (prerequisites.areMet(this)) this.#queue()
    else prerequisites.met(this).then(again, again)
  }

  /** A restart, as soon as there is a place among those that start. */
  #queue(): void {
    const count = this.host.gate.enter(this)
    // Of thousands that wait at one time the 1st, 2nd, 4th, 8th ... tell of it.
    if (count > 0 && (count & (count - 1)) === 0) this.emit({ type: 'storm_delayed', count })
  }

  /** Told by the gate of its supervisor: there is a place among those that start. */
  admitted(): boolean {
    if (this.#mayStart ? this.#mayStart() : this.host.prerequisites.areMet(this)) {
      this.#launch()
      return true
    }
    if (this.#first) this.#promise(this.#first)
    else if (this.#mayStart) this.leaveToCommand()
    else this.#startAlone(this.command)
    this.#endResuming()
    this.host.turnedBack(this)
    return false
  }

  #launch(): void {
    this.#nextAttemptAt = undefined
    this.#mayStart = undefined
    this.#failures.reset()
    this.#count += 1
    const incarnation = incarnationFor(this.spec, this.policy, this.host, {
      number: this.#count,
      attempt: this.attempt,
      listener: this,
    })
    this.ref.attach(incarnation, this.spec.resource)
    const { command } = this
    this.emit({ type: 'started' })
    // Who heard of it may have stopped it, or its supervisor.
    if (this.isLast(command)) incarnation.start()
  }

  resumes(error: ExovisorError): boolean {
    return this.#failures.resumes(error)
  }

  onDeadLetter({ reason, count }: DeadLetter): void {
    this.emit({ type: 'dead_letter', reason, count })
  }

  onHandlerFault(error: unknown): 'resume' | 'fail' {
    return directiveFor(error, this.policy, 'handler') === 'resume' ? 'resume' : 'fail'
  }

  /** A cleanup that was left behind may still fail when a successor is the current incarnation. */
  cleanupFailed(error: ExovisorError, { number }: AnyIncarnation): void {
    this.ref.cleanupFailed(error)
    this.emit({ type: 'shutdown_error', incarnation: number, error })
  }

  /** The current incarnation has changed its state. */
  changed(change: IncarnationChange, incarnation: AnyIncarnation): void {
    this.ref.changed(change)
    this.environment.registry?.changed(this)
    this.ref.announce(change)
    const { state, previous, error } = change
    const wasStarting = previous === 'INITIALIZING' || previous === 'UNINITIALIZED'
    if (wasStarting && state !== 'INITIALIZING') this.host.gate.leave(this)
    if (previous === 'READY' && this.record.left(this.now)) this.#failures.forgive()
    if (previous === 'DEGRADED') this.#failures.leftDegraded()
    switch (state) {
      case 'READY':
        this.#becameReady(incarnation, previous === 'DEGRADED')
        break
      case 'DEGRADED':
        this.#failures.degraded(incarnation, error)
        break
      case 'ERROR':
        this.#failures.failed(error ?? this.closedError('failed without a reason'), wasStarting)
        break
      case 'CLOSED':
        this.#terminated()
        if (!this.isCommanded) this.#ended(incarnation)
        break
      case 'UNINITIALIZED':
      case 'INITIALIZING':
      case 'CLOSING':
        break
    }
  }

  #becameReady(incarnation: AnyIncarnation, again: boolean): void {
    this.record.becameReady(this.now)
    this.emit({ type: again ? 'recovered' : 'ready' })
    if (!again && incarnation.number > 1) this.emit({ type: 'restarted' })
    if (this.record.circuit === 'half_open') {
      this.record.closeCircuit()
      this.emit({ type: 'circuit_closed' })
    }
    this.#first?.resolve()
    this.#first = undefined
    this.#endResuming()
    this.#setRestarting(false)
  }

  #terminated(): void {
    const error = this.#failures.verdict
    this.emit({ type: 'child_terminated', ...(error && { error }) })
  }

  #ended(incarnation: AnyIncarnation): void {
    const failure = this.#failures.verdict
    const first = this.#first
    this.#first = undefined
    if (incarnation.ignored !== undefined) {
      this.host.ignored(this, incarnation.ignored)
      first?.resolve()
    } else if (first) {
      const error = failure ?? this.closedError('it ended before it was READY')
      this.retire(error, 'failed to start')
      first.reject(error)
    } else {
      this.host.ended(this, failure)
    }
    this.#endResuming()
  }

  #endResuming(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  #setRestarting(began: boolean): void {
    if (began === this.#restarting) return
    this.#restarting = began
    this.host.restarting(this, began)
  }
}
