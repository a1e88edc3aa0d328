import { LazyAbort } from '../concurrency/lazy-abort.ts'
import type { OperationContext } from './network-types.ts'

/**
 * One attempt of an operation: settles when its work does, or as soon as it is given up. Signals and their listeners would cost more
 * than all the rest of an operation, so that it has none until somebody looks: whoever ends a connection tells it.
 */
export class Attempt<Result> implements OperationContext {
  readonly attempt: number
  declare readonly signal: AbortSignal
  readonly #abort = new LazyAbort()
  #reject: ((reason: unknown) => void) | undefined
  #givenUp: { readonly reason: unknown } | undefined

  constructor(attempt: number) {
    this.attempt = attempt
    Object.defineProperty(this, 'signal', Attempt.#signal)
  }

  /** An own property of each attempt, so that a copy by spreading has it. */
  static readonly #signal: PropertyDescriptor & ThisType<Attempt<unknown>> = {
    enumerable: true,
    get() {
      return this.#abort.signal
    },
  }

  /** What a work that was given up does later is ignored. */
  run(work: () => Promise<Result>): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#reject = reject
      work().then(resolve, reject)
    })
  }

  /** Ends it early. To be called only while it is under way. */
  giveUp(reason: unknown): void {
    if (this.#givenUp) return
    this.#givenUp = { reason }
    this.#reject?.(reason)
    this.#abort.abort(() => reason)
  }

  /** Throws the reason when it was given up already. */
  refuseGivenUp(): void {
    if (this.#givenUp) throw this.#givenUp.reason
  }
}
