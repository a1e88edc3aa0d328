import type { MachineActor } from '../actors/machine-actor.ts'
import { DEFAULT_MAILBOX } from '../actors/mailbox.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import type { Environment, Timing } from '../resources/environment.ts'
import { Incarnation, type IncarnationChange } from '../resources/incarnation.ts'
import { Ref } from '../resources/ref.ts'
import { backoffDelay } from './backoff.ts'
import { DegradedWatch } from './degraded-watch.ts'
import type { Policy } from './policy.ts'
import type { AnyChildSpec, ChildSnapshot, SupervisionEvent, WindowFill } from './types.ts'
import { RestartWindow } from './window.ts'

/** The part of an event that a child knows. Without `incarnation` it is about the current one. */
export type ChildEvent = Pick<SupervisionEvent, 'type' | 'delay' | 'reason' | 'count'> & {
  readonly error?: ExovisorError
  readonly incarnation?: number
}

/** What a child needs of its supervisor. */
export interface ChildHost {
  readonly environment: Environment
  readonly actor: MachineActor
  emit(child: Child, event: ChildEvent): void
  /** An incarnation ended, and nobody had told it to. No failure means the normal end. */
  ended(child: Child, failure: ExovisorError | undefined): void
  /** Runs something after what the supervisor is doing now. */
  post(message: () => void): void
  /** A child has ended and is to come back; or it has come back, or never will. */
  restarting(child: Child, began: boolean): void
}

const nothing: CancelTimer = () => undefined

let moments = 0

/** Orders what happens at one time of the clock: each call gives a larger number. */
export function nextMoment(): number {
  moments += 1
  return moments
}

function timingOf({ startTimeout, shutdown, degraded, probe }: Policy): Timing {
  return { startTimeout, shutdown, health: { ...probe, ...degraded.after } }
}

/** One child of a supervisor: one incarnation after the other behind one ref. */
export class Child {
  readonly spec: AnyChildSpec
  readonly policy: Policy
  readonly ref: Ref<unknown, unknown, unknown>
  readonly window: RestartWindow
  readonly #host: ChildHost
  readonly #degraded: DegradedWatch
  #count: number
  #attempt = 0
  /** Set while a first start has not ended. */
  #first: Deferred<void> | undefined
  /** Set while a start as one of a group has not ended. */
  #resumed: Deferred<void> | undefined
  /** True while somebody's word, not the policy, decides what comes next. */
  #commanded = false
  /** Grows with each command: whatever was under way for an older one has no say any more. */
  #command = 0
  /** When somebody stopped it last, if nothing was said since. */
  #stoppedAt: number | undefined
  /** Why the supervisor closes the current incarnation. */
  #verdict: ExovisorError | undefined
  #restarting = false
  #nextAttemptAt: number | undefined
  #cancelTry = nothing
  #cancelReset = nothing

  /** @param predecessor a stopped child of the same id, whose numbers go on; its ref too, if the definition is the same */
  constructor(spec: AnyChildSpec, policy: Policy, host: ChildHost, predecessor?: Child) {
    this.spec = spec
    this.policy = policy
    this.#host = host
    this.#count = predecessor?.ref.incarnation ?? 0
    this.ref = predecessor?.spec.resource === spec.resource ? predecessor.ref : this.#createRef()
    this.window = new RestartWindow(policy.intensity)
    this.#degraded = new DegradedWatch(policy, host.environment.clock, {
      softRestart: attempt => this.#emit({ type: 'soft_restart', count: attempt }),
      softRestartFailed: error =>
        host.environment.log.warn(
          { error: toErrorRecord(error) },
          `the soft restart of ${this.ref.label} failed`,
        ),
      hardRestart: error => this.#terminate(error),
    })
  }

  get id(): string {
    return this.spec.id
  }

  /** Grows with each command to this child: who remembers an older one has no say any more. */
  get command(): number {
    return this.#command
  }

  /** Restarts in a row. */
  get attempt(): number {
    return this.#attempt
  }

  /** True when it was told to stop, or has ended for good. */
  get isStopped(): boolean {
    // Without an incarnation it may be about to get its first one.
    if (this.ref.current === undefined) return this.ref.ended || !this.#commanded
    return this.ref.state === 'CLOSED' && this.ref.ended
  }

  /** The moment in which somebody stopped it, until it is told something else. */
  get stoppedAt(): number | undefined {
    return this.#stoppedAt
  }

  windowFill(): WindowFill {
    const { limit, within } = this.window
    return { used: this.window.used(this.#host.environment.clock.now()), limit, within }
  }

  snapshot(): ChildSnapshot {
    return {
      ...this.ref.snapshot(),
      id: this.id,
      restart: this.policy.restart,
      attempt: this.#attempt,
      window: this.windowFill(),
      ...(this.#nextAttemptAt !== undefined && { nextAttemptAt: this.#nextAttemptAt }),
    }
  }

  /** The first start. Rejects, after the cleanup, with the reason why it failed. */
  firstStart(): Promise<void> {
    const first = deferred<void>()
    this.#first = first
    this.#launch()
    return first.promise
  }

  /** Counts and announces a restart. Its delay by the backoff is the result. */
  announceRestart(): number {
    const { clock, random } = this.#host.environment
    const delay = backoffDelay(this.policy.backoff, this.#attempt, random)
    this.#attempt += 1
    this.#nextAttemptAt = clock.now() + delay
    this.#setRestarting(true)
    this.#emit({ type: 'backoff_scheduled', delay })
    return delay
  }

  /** Starts a successor after the delay of the backoff. */
  scheduleRestart(): void {
    const command = this.#command
    const delay = this.announceRestart()
    // Who listens to events may have stopped it meanwhile.
    if (command !== this.#command) return
    this.#cancelTry = schedule(this.#host.environment.clock, delay, () =>
      this.#host.post(() => {
        if (command === this.#command) this.#launch()
      }),
    )
  }

  /** No further incarnation will come by itself. */
  retire(error: ExovisorError, reason: string): void {
    this.#setRestarting(false)
    this.ref.end(error)
    this.#emit({ type: 'stopped', reason })
  }

  /** Its intensity is spent. */
  giveUp(error: ExovisorError): void {
    this.#setRestarting(false)
    this.ref.end(error)
    this.#emit({ type: 'gave_up', error })
  }

  /** From now on the policy does nothing: the child is about to be told what to do. */
  freeze(reason: string): number {
    this.#command += 1
    this.#commanded = true
    this.#stoppedAt = undefined
    this.#cancelTimers()
    this.#first?.reject(this.#closedError(reason))
    this.#first = undefined
    this.#endResuming()
    return this.#command
  }

  /** Closes the incarnation of a frozen child that is to be resumed later: whoever waits for it goes on waiting. */
  async suspend(reason: string): Promise<void> {
    const command = this.#command
    this.ref.revive()
    await this.ref.current?.close(reason)
    if (command === this.#command) this.#setRestarting(true)
  }

  /** A successor at once, as one of a group. Resolves when its start has ended, in whatever way. */
  resume(): Promise<void> {
    const resumed = deferred<void>()
    this.#resumed = resumed
    this.#commanded = false
    this.#launch()
    return resumed.promise
  }

  /** Stops it. Resolves when CLOSED; wins over everything that was under way. */
  async stop(reason: string): Promise<void> {
    if (this.ref.current && this.isStopped) return
    const command = this.freeze(reason)
    this.#stoppedAt = nextMoment()
    await this.ref.current?.close(reason)
    if (command === this.#command) this.retire(this.#closedError(reason), reason)
  }

  /** A new incarnation at once, by somebody's word. Resolves when it is READY. */
  async restart(): Promise<void> {
    const command = this.freeze('restarted')
    this.ref.revive()
    await this.ref.current?.close('restarted')
    if (command === this.#command) {
      this.#commanded = false
      this.#attempt = 0
      this.#launch()
    }
    await this.ref.ready()
  }

  #createRef(): Ref<unknown, unknown, unknown> {
    const { id, resource, input, mailbox = DEFAULT_MAILBOX } = this.spec
    const { clock, log } = this.#host.environment
    return new Ref({
      definition: resource,
      name: id,
      displayName: resource.displayName?.(input) ?? id,
      clock,
      log,
      mailbox,
      onDeadLetter: ({ reason, count }) => this.#emit({ type: 'dead_letter', reason, count }),
    })
  }

  #launch(): void {
    this.#nextAttemptAt = undefined
    this.#verdict = undefined
    this.#count += 1
    const { id, resource, input } = this.spec
    const incarnation: Incarnation<unknown, unknown, unknown> = new Incarnation({
      definition: resource,
      name: id,
      number: this.#count,
      attempt: this.#attempt,
      input,
      environment: this.#host.environment,
      timing: timingOf(this.policy),
      parent: this.#host.actor,
      listener: {
        changed: change => this.#changed(incarnation, change),
        // A cleanup that was left behind may still fail when a successor is the current incarnation.
        cleanupFailed: error =>
          this.#emit({ type: 'shutdown_error', incarnation: incarnation.number, error }),
      },
    })
    this.ref.attach(incarnation)
    const command = this.#command
    this.#emit({ type: 'started' })
    // Who listens to events may have stopped it, or its supervisor, meanwhile.
    if (command === this.#command) incarnation.start()
  }

  #changed(incarnation: Incarnation<unknown, unknown, unknown>, change: IncarnationChange): void {
    this.ref.changed(change)
    const { state, previous, error } = change
    if (state !== 'READY') this.#cancelReset()
    if (state !== 'DEGRADED') this.#degraded.stop()
    switch (state) {
      case 'READY':
        this.#becameReady(incarnation, previous === 'DEGRADED')
        break
      case 'DEGRADED':
        this.#emit({ type: 'degraded', ...(error && { error }) })
        if (!this.#commanded) this.#degraded.start(incarnation)
        break
      case 'ERROR':
        this.#emit({ type: 'failed', ...(error && { error }) })
        this.#failed(error)
        break
      case 'CLOSED':
        this.#emit({ type: 'child_terminated', ...(this.#verdict && { error: this.#verdict }) })
        if (!this.#commanded) this.#ended()
        break
      case 'UNINITIALIZED':
      case 'INITIALIZING':
      case 'CLOSING':
        break
    }
  }

  #becameReady(incarnation: Incarnation<unknown, unknown, unknown>, again: boolean): void {
    this.#emit({ type: again ? 'recovered' : 'ready' })
    if (!again && incarnation.number > 1) this.#emit({ type: 'restarted' })
    this.#first?.resolve()
    this.#first = undefined
    this.#endResuming()
    this.#setRestarting(false)
    const { environment } = this.#host
    // Leaving READY cancels this, so that it never speaks for another incarnation than its own.
    this.#cancelReset = schedule(environment.clock, this.policy.backoff.resetAfter, () => {
      this.#attempt = 0
      this.#degraded.forgive()
    })
  }

  #failed(error = this.#closedError('failed without a reason')): void {
    if (this.#commanded) return
    if (this.#first || this.policy.on.includes('ERROR')) this.#terminate(error)
    else {
      this.ref.end(error)
      this.#endResuming()
    }
  }

  /** Closes the current incarnation because of `error`; what comes after is decided when it is CLOSED. */
  #terminate(error: ExovisorError): void {
    const { current } = this.ref
    if (this.#commanded || !current) return
    const isDegraded = current.state === 'DEGRADED'
    this.#verdict = error
    void current.close(`failed: ${error.message}`)
    // Told afterwards, so that nobody who listens finds it working, or mends it.
    if (isDegraded) this.#emit({ type: 'failed', error })
  }

  #ended(): void {
    const failure = this.#verdict
    const first = this.#first
    if (!first) {
      this.#host.ended(this, failure)
      this.#endResuming()
      return
    }
    this.#first = undefined
    const error = failure ?? this.#closedError('it ended before it was READY')
    this.retire(error, 'failed to start')
    first.reject(error)
  }

  #endResuming(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  #cancelTimers(): void {
    this.#cancelTry()
    this.#cancelReset()
    this.#degraded.stop()
    this.#nextAttemptAt = undefined
  }

  #setRestarting(began: boolean): void {
    if (began === this.#restarting) return
    this.#restarting = began
    this.#host.restarting(this, began)
  }

  #emit(event: ChildEvent): void {
    this.#host.emit(this, event)
  }

  #closedError(reason: string): ExovisorError {
    const cause = this.ref.current?.failure
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.ref.label} is closed: ${reason}`, { cause })
  }
}
