import type { Clock } from '../concurrency/clock.ts'
import { limited } from '../concurrency/limit.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { ExovisorError, thrownText } from '../errors.ts'

/** How the health of a resource is judged. */
export interface HealthPolicy {
  /** Milliseconds between the end of one check and the beginning of the next. */
  readonly interval: number
  /** Milliseconds that one check may take. */
  readonly timeout: number
  /** DEGRADED when `failures` of the last `of` checks failed; READY again when fewer did, and the last `failures` all went well. */
  readonly failures: number
  readonly of: number
}

/** Three of five checks, every ten seconds, each at most one second long. */
export const defaultHealth: HealthPolicy = { interval: 10_000, timeout: 1_000, failures: 3, of: 5 }

/** How the health checks of one incarnation went. */
export interface HealthRecord {
  /** The clock's time of the last check. */
  readonly at: number
  /** How the last check went. */
  readonly ok: boolean
  /** How many of the last `of` checks failed. */
  readonly failed: number
  readonly of: number
}

interface HealthListener {
  checked(ok: boolean): void
  /** The window has become bad. */
  bad(error: ExovisorError): void
  /** The window is good, and was left so by as many good checks in a row as bad ones make it bad. Told after each further one as well. */
  good(): void
}

/** Checks a client again and again, and judges by the last few results (k of n). */
export class HealthMonitor {
  readonly #label: string
  readonly #policy: HealthPolicy
  readonly #clock: Clock
  readonly #check: (signal: AbortSignal) => Promise<void>
  readonly #listener: HealthListener
  /** True for a failed check; the newest comes last. */
  #window: boolean[] = []
  /** Good checks in a row. */
  #streak = 0
  #last: HealthRecord | undefined
  #running: AbortController | undefined
  #cancelTimer: CancelTimer = () => undefined

  constructor(options: {
    readonly label: string
    readonly policy: HealthPolicy
    readonly clock: Clock
    readonly check: (signal: AbortSignal) => Promise<void>
    readonly listener: HealthListener
  }) {
    this.#label = options.label
    this.#policy = options.policy
    this.#clock = options.clock
    this.#check = options.check
    this.#listener = options.listener
  }

  /** The last check, among how many of the last ones failed; undefined before the first. */
  get last(): HealthRecord | undefined {
    return this.#last
  }

  /** Begins to check, the first time after one interval. Does nothing while it runs. */
  start(): void {
    if (this.#running) return
    this.#running = new AbortController()
    this.#next(this.#running)
  }

  /** Ends the checking; a check under way is aborted and its result ignored. */
  stop(): void {
    this.#cancelTimer()
    this.#running?.abort(new ExovisorError('EXO_ABORTED', `${this.#label} is no longer checked`))
    this.#running = undefined
  }

  /** Forgets all results: the client has been mended. */
  reset(): void {
    this.#window = []
    this.#streak = 0
  }

  /** Takes the word of somebody who found the client bad: as if the newest `failures` checks had failed. */
  distrust(): void {
    const { failures } = this.#policy
    this.#streak = 0
    if (this.#failed() < failures) this.#window = Array.from({ length: failures }, () => true)
  }

  #failed(): number {
    return this.#window.filter(Boolean).length
  }

  /** Harder to reach than not being bad: checks that go well every other time would make it come and go. */
  get #isGood(): boolean {
    const { failures } = this.#policy
    return this.#failed() < failures && this.#streak >= failures
  }

  #next(run: AbortController): void {
    this.#cancelTimer = schedule(this.#clock, this.#policy.interval, () => void this.#probe(run))
  }

  async #probe(run: AbortController): Promise<void> {
    const error = await this.#attempt(run)
    if (this.#running !== run) return
    this.#window.push(error !== undefined)
    this.#streak = error === undefined ? this.#streak + 1 : 0
    if (this.#window.length > this.#policy.of) this.#window.shift()
    this.#last = {
      at: this.#clock.now(),
      ok: error === undefined,
      failed: this.#failed(),
      of: this.#window.length,
    }
    this.#listener.checked(error === undefined)
    if (error !== undefined) this.#judge(error)
    else if (this.#isGood) this.#listener.good()
    if (this.#running === run) this.#next(run)
  }

  /** One check: undefined when it went well, else what went wrong. */
  async #attempt(run: AbortController): Promise<{ readonly cause: unknown } | undefined> {
    const { timeout } = this.#policy
    const timeoutError = (): Error =>
      new ExovisorError(
        'EXO_HEALTH_CHECK_FAILED',
        `a health check of ${this.#label} took longer than ${timeout} ms`,
      )
    try {
      await limited({ clock: this.#clock, timeout, timeoutError, signal: run.signal }, this.#check)
      return undefined
    } catch (cause) {
      return { cause }
    }
  }

  #judge({ cause }: { readonly cause: unknown }): void {
    const failed = this.#failed()
    if (failed < this.#policy.failures) return
    const last = thrownText(cause)
    this.#listener.bad(
      new ExovisorError(
        'EXO_HEALTH_CHECK_FAILED',
        `${this.#label}: ${failed} of the last ${this.#window.length} health checks failed, the last with: ${last}`,
        { cause },
      ),
    )
  }
}
