import { ExovisorError } from '../errors.ts'
import { Cancelled, type CancelSource, cancelSource } from './cancellation.ts'
import { type Clock, realClock, type TimerHandle } from './clock.ts'
import type { TaskPlace } from './task-registry.ts'

/** Where a scope stands, and what ends it. */
export interface ScopeOptions {
  /** The scope around this one: its cancellation reaches this one too, and its clock is this one's. Default: none. */
  readonly scope?: CancelScope | undefined
  /** Somebody else's signal, which acts like one more scope around this one. Its listener is taken away when the scope is closed. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds from now until the scope cancels itself. Default: no limit. */
  readonly timeout?: number
  /** The same as a time of the clock; the earlier of the two counts. Default: Infinity. */
  readonly deadline?: number
  /** Whether cancellations from outside are kept out. Default: false. */
  readonly shield?: boolean
  /** Default: that of the scope around it, or else the clock of the machine. */
  readonly clock?: Clock
  /** Names the work in messages, e.g. `the upload`. Default: `the work`. */
  readonly name?: string
}

const nothing = (): void => undefined

/** A promise that says only that somebody was cancelled. Nobody has to look at it: cancelling is no failure. */
function unmissed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing)
  return promise
}

const invalid = (name: string, option: string, value: number, expected: string): ExovisorError =>
  new ExovisorError('EXO_OPTION_INVALID', `${option} of ${name} is ${value}, expected ${expected}`, {
    details: { option, value },
  })

function firstDeadline(name: string, clock: Clock, { timeout, deadline }: ScopeOptions): number {
  if (timeout !== undefined && !(timeout >= 0))
    throw invalid(name, 'timeout', timeout, 'milliseconds from 0 on')
  return checkedDeadline(
    name,
    Math.min(deadline ?? Infinity, timeout === undefined ? Infinity : clock.now() + timeout),
  )
}

function checkedDeadline(name: string, deadline: number): number {
  if (Number.isNaN(deadline)) throw invalid(name, 'deadline', deadline, 'a time of its clock')
  return deadline
}

/**
 * A part of the program that can be cancelled as a whole: trio's cancel scope, handed on as an argument, since JavaScript has no way to
 * throw into an async function that runs. Cancellation is noticed at checkpoints: the waiting methods of the scope, and whatever else takes
 * a {@link Cancellation}. It is level-triggered: once it is cancelled, each checkpoint throws, however often the error was swallowed before.
 *
 * Scopes nest. What cancels one cancels those inside it, up to a shield. A scope must be closed when its work has ended:
 * {@link withCancelScope} does so, and also catches what only says that this scope was cancelled.
 *
 * @throws EXO_OPTION_INVALID for a time that is none, or a clock that is not that of the scope around it
 * @throws EXO_TASK_LEAKED if the scope around it is closed: whoever opens this one has outlived it
 */
export class CancelScope implements CancelSource {
  readonly name: string
  readonly clock: Clock
  /** @internal Where the tasks begun in it stand in a registry, as in the scope around it. Undefined: they are in none. */
  place: TaskPlace | undefined
  #parent: CancelScope | undefined
  #children: Set<CancelScope> | undefined
  readonly #signalled: CancelSource | undefined
  #forgetSignal = nothing
  #listeners: Set<() => void> | undefined
  #controller: AbortController | undefined
  #deadline: number
  #timer: TimerHandle
  #shield: boolean
  #isClosed = false
  /** Its own cancellation; the first that came from outside; the first of both, which is the one that is thrown. */
  #own: Cancelled | undefined
  #outer: Cancelled | undefined
  #arrived: Cancelled | undefined
  #hasExpired = false
  #hasCaught = false

  constructor(options: ScopeOptions = {}) {
    const { scope, signal, shield = false, name = 'the work' } = options
    this.name = name
    this.clock = options.clock ?? scope?.clock ?? realClock
    this.place = scope?.place
    if (scope) this.#checkAround(scope)
    this.#shield = shield
    this.#deadline = firstDeadline(name, this.clock, options)
    this.#parent = scope
    if (scope) scope.#children = (scope.#children ?? new Set()).add(this)
    if (signal) {
      this.#signalled = cancelSource(signal)
      this.#forgetSignal = this.#signalled.onCancel(() => this.#lookOutside())
    }
    this.#lookOutside()
    this.#arm()
  }

  /** Whether waiting is over here: by its own cancellation, or by one from outside that no shield has kept out. */
  get isCancelled(): boolean {
    if (!this.#arrived) this.#lookAtDeadlines()
    return this.#arrived !== undefined
  }

  /** Whether {@link cancel} was called, or the deadline of this very scope has passed. */
  get cancelCalled(): boolean {
    return this.#own !== undefined
  }

  /** Whether the work was cut short by this scope's own cancellation, which it then has caught. Known when the scope is closed. */
  get cancelledCaught(): boolean {
    return this.#hasCaught
  }

  /** Why it is cancelled: what was given to {@link cancel}, an EXO_DEADLINE_EXCEEDED, or the same of what cancelled it from outside. */
  get reason(): unknown {
    return this.#arrived?.cause
  }

  /**
   * The time of its clock at which it cancels itself. May be moved while it is not cancelled; a time that has passed cancels it at its next
   * checkpoint, or at the next turn of the event loop.
   */
  get deadline(): number {
    return this.#deadline
  }

  set deadline(deadline: number) {
    this.#deadline = checkedDeadline(this.name, deadline)
    this.#arm()
  }

  /** The earliest deadline that can end work in this scope: its own, or one around it up to the nearest shield. -Infinity once it is cancelled. */
  get effectiveDeadline(): number {
    if (this.isCancelled) return -Infinity
    let earliest = Infinity
    let scope: CancelScope | undefined = this
    while (scope) {
      earliest = Math.min(earliest, scope.#deadline)
      scope = scope.#shield ? undefined : scope.#parent
    }
    return earliest
  }

  /**
   * Whether cancellations from outside are kept out. Lowered while there is one, it arrives at once. One that has arrived stays when the
   * shield is raised after it (other than in trio): a signal that is aborted cannot be mended.
   */
  get shield(): boolean {
    return this.#shield
  }

  set shield(shield: boolean) {
    this.#shield = shield
    this.#lookOutside()
  }

  /** The same as an AbortSignal, for fetch, streams and the like; its reason is the {@link Cancelled}. Made when it is first asked for. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.isCancelled) this.#controller.abort(this.#arrived)
    }
    return this.#controller.signal
  }

  /** Cancels what runs in this scope. Only the first reason counts. */
  cancel(reason?: unknown): void {
    if (this.#own) return
    this.#own = new Cancelled(this.name, reason)
    this.#disarm()
    this.#deliver(this.#own)
  }

  /** What its checkpoints throw: the same object each time. */
  cancelled(): Cancelled {
    return this.#arrived ?? new Cancelled(this.name, undefined)
  }

  onCancel(listener: () => void): () => void {
    if (this.isCancelled) {
      listener()
      return nothing
    }
    // A function of its own each time: the same listener may be given twice.
    return this.#listen(() => listener())
  }

  /** Throws if the scope is cancelled. For loops that compute and never wait. */
  checkpoint(): void {
    if (this.isCancelled) throw this.cancelled()
  }

  /** Waits so many milliseconds. @throws EXO_ABORTED as soon as the scope is cancelled */
  sleep(ms: number): Promise<void> {
    if (ms === Infinity) return this.forever()
    return this.#until(resolve => {
      const timer = this.clock.setTimeout(resolve, ms)
      return () => this.clock.clearTimeout(timer)
    })
  }

  /** Waits until the scope is cancelled. @throws EXO_ABORTED always */
  forever(): Promise<never> {
    return this.#until(() => nothing)
  }

  /**
   * Waits for work that knows nothing of the scope. When the scope is cancelled, the waiting ends and the work goes on by itself; what it
   * gives or throws later is dropped. For work that must have ended before its memory is freed, see {@link run}.
   *
   * @throws EXO_ABORTED as soon as the scope is cancelled, or what the work throws
   */
  wait<T>(work: PromiseLike<T>): Promise<T> {
    if (this.isCancelled) void unmissed(Promise.resolve(work))
    return this.#until((resolve, reject) => {
      // Another's promise may call back at once, before there is anything to forget.
      Promise.resolve(work).then(resolve, reject)
      return nothing
    })
  }

  /**
   * Hands the scope's signal to some work, and waits until the work has settled, also when the scope is cancelled meanwhile: afterwards
   * nothing of it runs any more. Work that has succeeded in spite of a cancellation gives its result, so that nothing it has acquired is
   * lost; the next checkpoint throws.
   *
   * @throws EXO_ABORTED if the scope is cancelled before the work began, or the work gave up because of it; or what the work throws
   */
  async run<T>(work: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T> {
    this.checkpoint()
    try {
      return await work(this.signal)
    } catch (error) {
      // Not every library names the signal's reason as the cause of its AbortError.
      if (this.isCancelled && error instanceof Error && error.name === 'AbortError') throw this.cancelled()
      throw error
    }
  }

  /** Takes the scope out of the tree: no timer and no listener of it is left, and cancelling what is around it does not reach it any more. */
  close(): void {
    this.#isClosed = true
    this.#disarm()
    this.#forgetSignal()
    if (this.#parent) this.#parent.#children?.delete(this)
    this.#parent = undefined
  }

  /** The same as {@link close}, for `using`. It catches nothing: see {@link withCancelScope} for that. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal What reached it from outside, if anything did. */
  get outer(): Cancelled | undefined {
    return this.#outer
  }

  /** @internal Whether it was its own deadline that cancelled it, rather than a call. */
  get hasExpired(): boolean {
    return this.#hasExpired
  }

  /** @internal Takes note that its own cancellation has cut the work short, and goes no further. */
  caught(): void {
    this.#hasCaught = true
  }

  #checkAround(scope: CancelScope): void {
    if (scope.clock !== this.clock)
      throw new ExovisorError(
        'EXO_OPTION_INVALID',
        `${this.name} has another clock than ${scope.name} around it`,
      )
    if (scope.#isClosed)
      throw new ExovisorError('EXO_TASK_LEAKED', `${this.name} began when ${scope.name} around it had ended`)
  }

  #until<T>(
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
  ): Promise<T> {
    if (this.isCancelled) return unmissed(Promise.reject(this.cancelled()))
    const promise = new Promise<T>((resolve, reject) => {
      const stop = begin(
        value => {
          forget()
          resolve(value)
        },
        error => {
          forget()
          reject(error)
        },
      )
      const forget = this.#listen(() => {
        stop()
        reject(this.cancelled())
        void unmissed(promise)
      })
    })
    return promise
  }

  #listen(listener: () => void): () => void {
    this.#listeners = (this.#listeners ?? new Set()).add(listener)
    return () => void this.#listeners?.delete(listener)
  }

  /** Work that never waits keeps the timers from firing; its checkpoints see that a deadline has passed all the same. */
  #lookAtDeadlines(): void {
    let scope: CancelScope | undefined = this
    while (scope) {
      if (scope.#deadline !== Infinity && !scope.#isClosed && scope.#deadline <= scope.clock.now())
        scope.#expire()
      scope = scope.#shield ? undefined : scope.#parent
    }
  }

  #lookOutside(): void {
    if (this.#shield || this.#outer || this.#isClosed) return
    // Deadlines are looked at when somebody asks: here, each new scope would walk up the whole tree.
    if (this.#parent) this.#outer = this.#parent.#arrived
    if (!this.#outer && this.#signalled?.isCancelled) this.#outer = this.#signalled.cancelled()
    if (this.#outer) this.#deliver(this.#outer)
  }

  /** Marks the whole tree before anybody hears of it, so that a listener sees one state; a worklist, since trees may be deep. */
  #deliver(cancelled: Cancelled): void {
    if (this.#arrived) return
    this.#arrived = cancelled
    const reached: CancelScope[] = [this]
    for (const scope of reached) {
      for (const child of scope.#children ?? []) {
        if (child.#shield || child.#outer) continue
        child.#outer = cancelled
        if (child.#arrived) continue
        child.#arrived = cancelled
        reached.push(child)
      }
    }
    for (const scope of reached) scope.#announce()
  }

  #announce(): void {
    const listeners = this.#listeners
    this.#listeners = undefined
    this.#controller?.abort(this.#arrived)
    for (const listener of listeners ?? []) {
      try {
        listener()
      } catch (error) {
        // Like a listener of an AbortSignal: its fault is the process's, and no reason not to tell the others.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #expire(): void {
    if (this.#own) return
    this.#hasExpired = true
    this.cancel(
      new ExovisorError('EXO_DEADLINE_EXCEEDED', `${this.name} was not done by its deadline`, {
        details: { deadline: this.#deadline },
      }),
    )
  }

  #arm(): void {
    this.#disarm()
    if (this.#deadline === Infinity || this.#own || this.#isClosed) return
    this.#timer = this.clock.setTimeout(() => this.#expire(), Math.max(0, this.#deadline - this.clock.now()))
  }

  #disarm(): void {
    if (this.#timer === undefined) return
    this.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
