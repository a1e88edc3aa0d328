import type { Random } from '../concurrency/random.ts'
import { backoffDelay } from './backoff.ts'
import type { Policy } from './policy.ts'
import type { WindowFill } from './types.ts'
import { RestartWindow } from './window.ts'

/** `open`: the intensity is spent and the child stays down; `half_open`: it is tried again after such a time. */
export type CircuitState = 'closed' | 'open' | 'half_open'

/**
 * What is remembered of the restarts of one child: how many in a row, how many in its window, and whether its circuit is open.
 * No timer runs for any of it: a healthy time is found to be over when it matters.
 */
export class RestartRecord {
  #policy: Policy
  /** Made with the first restart: most children never need one. */
  #window: RestartWindow | undefined
  #attempt = 0
  #delay = 0
  #readySince: number | undefined
  circuit: CircuitState = 'closed'

  constructor(policy: Policy) {
    this.#policy = policy
  }

  /** Restarts in a row; 0 again after a healthy time. */
  attempt(now: number): number {
    return this.#isHealthy(now) ? 0 : this.#attempt
  }

  becameReady(now: number): void {
    this.#readySince = now
  }

  /** It is not READY any more. True when it had been so for long enough to be forgiven what was before. */
  left(now: number): boolean {
    const isForgiven = this.#isHealthy(now)
    if (isForgiven) this.#attempt = 0
    this.#readySince = undefined
    return isForgiven
  }

  /** The delay of the next restart, in milliseconds, which counts as one more in a row. */
  next(random: Random): number {
    this.#delay = backoffDelay(this.#policy.backoff, this.#attempt, random, this.#delay)
    this.#attempt += 1
    return this.#delay
  }

  allows(now: number): boolean {
    if (this.circuit === 'half_open') return false
    return this.#window?.allows(now) ?? this.#policy.intensity.restarts > 0
  }

  accept(now: number): boolean {
    this.#window ??= new RestartWindow(this.#policy.intensity)
    return this.#window.accept(now)
  }

  fill(now: number): WindowFill {
    const { restarts, within } = this.#policy.intensity
    return { used: this.#window?.used(now) ?? 0, limit: restarts, within }
  }

  /** Somebody has restarted it by hand: the next delay is the first one again. */
  forgive(): void {
    this.#attempt = 0
  }

  /** It works again after its circuit was open: all that was before is forgotten. */
  closeCircuit(): void {
    this.circuit = 'closed'
    this.#window = undefined
    this.#attempt = 0
  }

  /** A new policy holds from now on. Restarts that were accepted before still count. */
  adopt(policy: Policy): void {
    this.#policy = policy
    this.#window = this.#window?.resized(policy.intensity)
  }

  #isHealthy(now: number): boolean {
    return this.#readySince !== undefined && now - this.#readySince >= this.#policy.backoff.resetAfter
  }
}
