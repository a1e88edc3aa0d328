import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { ExovisorError } from '../errors.ts'
import type { Incarnation } from '../resources/incarnation.ts'
import type { Policy } from './policy.ts'

interface DegradedListener {
  /** The `attempt`-th soft restart in a row begins. */
  softRestart(attempt: number): void
  softRestartFailed(error: unknown): void
  /** Grace and soft restarts are used up. */
  hardRestart(error: ExovisorError): void
}

/**
 * Watches a child in DEGRADED: after the grace time it lets the child recover in place, after another grace time again, up to `soft` times, and
 * then asks for a restart. Leaving DEGRADED by itself ends the watch.
 */
export class DegradedWatch {
  #policy: Policy
  readonly #clock: Clock
  readonly #listener: DegradedListener
  #soft = 0
  /** Grows with each start and stop, so that a soft restart that ends late starts nothing. */
  #turn = 0
  #watched: Incarnation<unknown, unknown, unknown> | undefined
  /** The soft restart under way. The child may leave DEGRADED by itself, and come back to it, before it ends. */
  #mending:
    | { readonly incarnation: Incarnation<unknown, unknown, unknown>; readonly ended: Promise<void> }
    | undefined
  #cancel: CancelTimer = () => undefined

  constructor(policy: Policy, clock: Clock, listener: DegradedListener) {
    this.#policy = policy
    this.#clock = clock
    this.#listener = listener
  }

  /** A new policy holds from the next grace time on. */
  adopt(policy: Policy): void {
    this.#policy = policy
  }

  start(incarnation: Incarnation<unknown, unknown, unknown>): void {
    if (!this.#policy.on.includes('DEGRADED')) return
    if (this.#watched !== incarnation) this.#soft = 0
    this.#watched = incarnation
    this.#turn += 1
    this.#wait(incarnation)
  }

  stop(): void {
    this.#turn += 1
    this.#cancel()
  }

  /** The child was healthy for long: soft restarts are counted from the beginning again. */
  forgive(): void {
    this.#soft = 0
  }

  #wait(incarnation: Incarnation<unknown, unknown, unknown>): void {
    this.#cancel = schedule(this.#clock, this.#policy.degraded.grace, () => void this.#act(incarnation))
  }

  async #act(incarnation: Incarnation<unknown, unknown, unknown>): Promise<void> {
    const turn = this.#turn
    // Two soft restarts side by side would mend the same client: one that still runs is waited for instead.
    if (this.#mending?.incarnation !== incarnation) {
      if (!incarnation.canRecover || this.#soft >= this.#policy.degraded.soft) {
        this.#listener.hardRestart(this.#stayedDegraded(incarnation))
        return
      }
      this.#soft += 1
      this.#listener.softRestart(this.#soft)
      this.#mending = { incarnation, ended: this.#mend(incarnation) }
    }
    await this.#mending.ended
    if (turn === this.#turn) this.#wait(incarnation)
  }

  async #mend(incarnation: Incarnation<unknown, unknown, unknown>): Promise<void> {
    await incarnation.recover().catch((error: unknown) => this.#listener.softRestartFailed(error))
    if (this.#mending?.incarnation === incarnation) this.#mending = undefined
  }

  #stayedDegraded({ label, failure }: Incarnation<unknown, unknown, unknown>): ExovisorError {
    const { grace } = this.#policy.degraded
    const tried = this.#soft > 0 ? ` and ${this.#soft} soft restarts` : ''
    return new ExovisorError(
      'EXO_RESOURCE_FAILED',
      `${label} stayed DEGRADED through ${grace} ms of grace${tried}: ${failure?.message ?? 'no reason given'}`,
      { cause: failure },
    )
  }
}
