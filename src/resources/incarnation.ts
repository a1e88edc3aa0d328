import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { ActorListener, MachineActor, MachineEvent } from '../actors/machine-actor.ts'
import type { Background } from '../concurrency/background.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { detach } from '../concurrency/detach.ts'
import { limited } from '../concurrency/limit.ts'
import type { CancelScope } from '../concurrency/scope.ts'
import type { Task } from '../concurrency/task.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import type { Environment } from './environment.ts'
import { toFailure } from './failure.ts'
import { refuseForeign } from './foreign-event.ts'
import { HealthMonitor, type HealthRecord } from './health.ts'
import { failedActor, incarnationActor } from './incarnation-actor.ts'
import type { IncarnationOptions } from './incarnation-options.ts'
import { Initialization } from './initialization.ts'
import { backgroundOf, taskLimit } from './own-tasks.ts'
import { release } from './release.ts'
import { Self } from './self.ts'
import { isWorking, topState } from './top-state.ts'
import type { ResourceSelf } from './types.ts'

export type { IncarnationChange } from './incarnation-options.ts'

/**
 * One life of a resource: an XState actor that says what state it is in, and the effects that belong to each state.
 * The actor decides what is legal; this class does what a state means and tells the actor what came of it.
 */
export class Incarnation<Input, Client, Message> implements ActorListener {
  readonly #options: IncarnationOptions<Input, Client, Message>
  #actor: MachineActor
  #state: LifecycleState = 'UNINITIALIZED'
  #client: Client | undefined
  #pending: ExovisorError | undefined
  #failure: ExovisorError | undefined
  /** Forgotten when its result has become the client. */
  #initialization: Initialization<Input, Client> | undefined
  #released: Promise<'closed' | 'shutdown.timeout'> | undefined
  #reason = 'closed'
  #ended = false
  #hasBegun = false
  #ignored: string | undefined
  #isResting = false
  // What most incarnations never need is made when it is needed.
  #self: Self | undefined
  #health: HealthMonitor | undefined
  #work: AbortController | undefined
  #background: Background | undefined
  /** The state for which READY and DEGRADED were left. */
  #leftFor: LifecycleState | undefined
  #closed: Deferred<void> | undefined

  constructor(options: IncarnationOptions<Input, Client, Message>) {
    this.#options = options
    this.#actor = this.#createOwnActor()
  }

  get name(): string {
    return this.#options.name
  }

  /** Kind and name, as messages name it. */
  get label(): string {
    return `${this.#options.definition.kind} ${JSON.stringify(this.#options.name)}`
  }

  get self(): ResourceSelf {
    this.#self ??= new Self(this)
    return this.#self
  }

  get number(): number {
    return this.#options.number
  }

  get attempt(): number {
    return this.#options.attempt
  }

  get state(): LifecycleState {
    return this.#state
  }

  /** The machine's state value, nested states included. */
  get value(): unknown {
    return this.#actor.value
  }

  /** The live client while READY or DEGRADED. */
  get client(): Client | undefined {
    return isWorking(this.#state) ? this.#client : undefined
  }

  /** Why it went to ERROR, or to DEGRADED last. */
  get failure(): ExovisorError | undefined {
    return this.#failure
  }

  get lastHealth(): HealthRecord | undefined {
    return this.#health?.last
  }

  get canRecover(): boolean {
    return this.#options.definition.recover !== undefined
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Why it is not wanted, if it said so while it initialised. */
  get ignored(): string | undefined {
    return this.#ignored
  }

  get actor(): MachineActor {
    return this.#actor
  }

  get environment(): Environment {
    return this.#options.environment
  }

  /** Aborted, at once, when READY and DEGRADED are over. */
  get work(): AbortSignal {
    if (this.#work === undefined) {
      this.#work = new AbortController()
      if (this.#leftFor) this.#work.abort(this.#workOver(this.#leftFor))
    }
    return this.#work.signal
  }

  start(): void {
    this.#actor.start()
    this.#actor.send({ type: 'initialize' })
  }

  fail(error: unknown): void {
    if (this.#state !== 'INITIALIZING' && !isWorking(this.#state)) return
    const failure = this.#failureOf(error)
    if (isWorking(this.#state) && this.#options.listener.resumes?.(failure)) return
    this.#report('fail', failure)
  }

  degrade(reason: unknown): void {
    if (this.#state === 'READY') this.#report('degrade', this.#failureOf(reason, 'is degraded'))
  }

  recovered(): void {
    if (this.#state !== 'DEGRADED') return
    this.#health?.reset()
    this.#actor.send({ type: 'recovered' })
  }

  end(reason: string): void {
    if (this.#state !== 'INITIALIZING' && !isWorking(this.#state)) return
    this.#ended = true
    detach(this.close(reason))
  }

  /** Its health is not checked until {@link wake}. */
  rest(): void {
    this.#isResting = true
    this.#health?.stop()
  }

  wake(): void {
    this.#isResting = false
    if (isWorking(this.#state) && this.#options.definition.checkHealth) this.#watchHealth(this.#state)
  }

  /** It is not wanted: ends before it is READY, and that is no failure. OTP's `ignore`. */
  ignore(reason: string): void {
    // Within `initialize` a failure that it has reported is still on its way.
    if (this.#state !== 'INITIALIZING' || this.#pending) return
    this.#ignored = reason
    detach(this.close(reason))
  }

  /**
   * Delivers a domain event of the machine's own.
   * @throws EXO_MESSAGE_UNHANDLED for an event of the lifecycle
   */
  send(event: MachineEvent): void {
    refuseForeign(event, this)
    this.#actor.send(event)
  }

  /** Begins a background task, unless it is neither starting nor working any more. */
  spawn<T>(name: string, work: (scope: CancelScope) => T | PromiseLike<T>): Task<T> {
    this.#background ??= backgroundOf(this)
    if (this.#state !== 'INITIALIZING' && !isWorking(this.#state))
      this.#background.cancel(`it is ${this.#state}`)
    return this.#background.spawn(name, work)
  }

  /** Soft restart: the definition mends the client in place. Rejects when that failed; the state is left as it is then. */
  async recover(): Promise<void> {
    const { definition, environment, timing } = this.#options
    const timeout = timing.startTimeout
    const timeoutError = (): Error =>
      new ExovisorError('EXO_INITIALIZE_TIMEOUT', `${this.label} did not recover within ${timeout} ms`)
    const limit = { clock: environment.clock, timeout, timeoutError, signal: this.work }
    await limited(limit, async signal => definition.recover?.(this.#client as Client, { signal }))
    this.recovered()
  }

  /** Releases what was acquired. Resolves when CLOSED, whether the cleanup went well or not. */
  close(reason: string): Promise<void> {
    if (this.#state !== 'CLOSING' && this.#state !== 'CLOSED') {
      this.#reason = reason
      if (this.#state === 'UNINITIALIZED') this.#actor.start()
      this.#actor.send({ type: 'close', reason })
    }
    if (this.state === 'CLOSED') return Promise.resolve()
    this.#closed ??= deferred()
    return this.#closed.promise
  }

  /** See `toFailure`. The label is made only for an error that has to be wrapped. */
  #failureOf(error: unknown, what?: string): ExovisorError {
    return isExovisorError(error) ? error : toFailure(error, this.label, what)
  }

  #report(type: 'fail' | 'degrade' | 'start.timeout', error: ExovisorError): void {
    this.#pending ??= error
    this.#actor.send({ type, error: { code: error.code, message: error.message } })
  }

  /** That of the definition. When its machine can make none, one that fails as soon as it is started. */
  #createOwnActor(): MachineActor {
    try {
      return incarnationActor(this.#options, this)
    } catch (cause) {
      return this.#createFailed('ERROR', this.#failureOf(cause, 'has a machine that threw'))
    }
  }

  #createFailed(value: 'ERROR' | 'CLOSING', failure: ExovisorError): MachineActor {
    this.#pending = failure
    return failedActor(this.#options, this, value, failure)
  }

  #createHealth(): HealthMonitor {
    const { definition, environment, timing } = this.#options
    return new HealthMonitor({
      label: this.label,
      policy: timing.health,
      clock: environment.clock,
      check: async signal => definition.checkHealth?.(this.#client as Client, { signal }),
      listener: {
        checked: ok => this.#actor.send({ type: 'health.checked', ok }),
        bad: error => this.degrade(error),
        good: () => {
          if (this.#state === 'DEGRADED') this.#actor.send({ type: 'recovered' })
        },
      },
    })
  }

  changed(value: unknown): void {
    const state = topState(value)
    if (state !== this.#state) this.#changed(state)
  }

  #changed(state: LifecycleState): void {
    const previous = this.#state
    this.#state = state
    const troubled = state === 'ERROR' || state === 'DEGRADED'
    if (troubled) this.#failure = this.#pending
    this.#pending = undefined
    if (isWorking(previous) && !isWorking(state)) this.#leaveWork(state)
    if (state === 'ERROR' || state === 'CLOSING') this.#background?.cancel(`${this.label} is ${state}`)
    const error = troubled ? this.#failure : undefined
    this.#options.listener.changed(error ? { state, previous, error } : { state, previous }, this)
    this.#perform(state)
  }

  #perform(state: LifecycleState): void {
    switch (state) {
      case 'INITIALIZING':
        this.#hasBegun = true
        this.#initialization = new Initialization(this.#options, this)
        break
      case 'READY':
      case 'DEGRADED':
        if (this.#options.definition.checkHealth) this.#watchHealth(state)
        break
      case 'CLOSING':
        this.#initialization?.giveUp(() => new ExovisorError('EXO_ABORTED', `${this.label} is being closed`))
        this.#endClosing()
        break
      case 'CLOSED':
        this.#closed?.resolve()
        break
      case 'ERROR':
        // Closing comes later, when it is its turn: what is still being started must not go on until then.
        this.#initialization?.giveUp(() => this.#failure ?? this.#workOver(state))
        break
      case 'UNINITIALIZED':
        break
    }
  }

  #watchHealth(state: LifecycleState): void {
    if (this.#isResting) return
    this.#health ??= this.#createHealth()
    if (state === 'DEGRADED') this.#health.distrust()
    this.#health.start()
  }

  /** Told by the initialisation: its time is over. */
  startTimedOut(): void {
    const { startTimeout } = this.#options.timing
    const error = new ExovisorError(
      'EXO_INITIALIZE_TIMEOUT',
      `${this.label} did not initialise within ${startTimeout} ms`,
      { details: { startTimeout } },
    )
    this.#report('start.timeout', error)
    this.#initialization?.giveUp(() => error)
  }

  #leaveWork(state: LifecycleState): void {
    this.#leftFor = state
    this.#health?.stop()
    this.#work?.abort(this.#workOver(state))
  }

  #workOver(state: LifecycleState): ExovisorError {
    return new ExovisorError('EXO_ABORTED', `${this.label} is ${state}`)
  }

  /** True where there is nothing to release and nothing to wait for. */
  get #isReleased(): boolean {
    const hasNone = this.#options.definition.cleanup === undefined && this.#initialization === undefined
    return (hasNone && this.#background === undefined) || !this.#hasBegun
  }

  /** Tells the machine that everything is released. */
  #endClosing(): void {
    if (this.#isReleased) this.#actor.send({ type: 'closed' })
    else detach(this.#release().then(type => this.#actor.send({ type })))
  }

  /** Runs the cleanup, the first time it is called. */
  #release(): Promise<'closed' | 'shutdown.timeout'> {
    const { definition, environment, timing, listener } = this.#options
    this.#released ??= release({
      label: this.label,
      clock: environment.clock,
      limit: timing.shutdown,
      acquired: this.#initialization?.acquired ?? Promise.resolve(this.#client),
      endTasks: this.#background && (() => this.#endTasks()),
      cleanup: (client, signal) => definition.cleanup?.(client, { reason: this.#reason, signal }),
      onError: error => listener.cleanupFailed(error, this),
    })
    return this.#released
  }

  async #endTasks(): Promise<void> {
    await this.#background?.close(taskLimit(this.#options.timing.shutdown), `${this.label} is being closed`)
  }

  /** Told by the initialisation. A late result is not used: it goes to the cleanup, which waits for it. */
  initialized(client: Client): void {
    if (this.#state !== 'INITIALIZING') return
    this.#client = client
    this.#initialization = undefined
    this.#actor.send({ type: 'initialized' })
  }

  /** Told by the initialisation. */
  notInitialized(error: unknown): void {
    this.fail(this.#failureOf(error, 'failed to initialise'))
  }

  /** Told by the actor: the machine itself threw. An actor of the plain lifecycle takes over, so that the rest of the life is an ordinary one. */
  crashed(cause: unknown): void {
    const failure = this.#failureOf(cause, 'has a machine that threw')
    const closing = this.#state === 'CLOSING'
    this.#actor = this.#createFailed(closing ? 'CLOSING' : 'ERROR', failure)
    this.#actor.start()
    this.#initialization?.giveUp(() => failure)
    if (closing) this.#endClosing()
  }

  /** Told by the actor that it ended. Unless that was the end of an ordinary life, the parent was lost: release on our own. */
  stopped(): void {
    if (this.#state === 'CLOSED') return
    this.#reason = 'its supervisor has ended'
    this.#initialization?.giveUp(
      () => new ExovisorError('EXO_ABORTED', `${this.label} has lost its supervisor`),
    )
    if (!this.#isReleased) detach(this.#release())
    this.#changed('CLOSED')
  }
}
