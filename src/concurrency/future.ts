import type { Cancellation } from './cancellation.ts'
import { Event } from './event.ts'

type Result<T> = { readonly value: T } | { readonly error: unknown }

/**
 * A result that is given once, and that any number of others wait for, each within his own limits. A failure that nobody waits for
 * is no unhandled rejection: it is kept, and thrown to each who asks.
 *
 * @example
 * const answer = new Future<number>()
 * socket.once('message', message => answer.set(message.value))
 * const value = await answer.wait(scope)
 */
export class Future<T> {
  readonly #settled = new Event()
  #result: Result<T> | undefined

  get isSettled(): boolean {
    return this.#result !== undefined
  }

  /** Gives the value. False: it has its result already, and keeps that one. */
  set(value: T): boolean {
    return this.#settle({ value })
  }

  /** Gives an error instead. False: it has its result already, and keeps that one. */
  fail(error: unknown): boolean {
    return this.#settle({ error })
  }

  /**
   * Waits for the result.
   *
   * @throws what {@link fail} was given, or EXO_ABORTED when it is cancelled, also before
   */
  async wait(cancellation?: Cancellation): Promise<T> {
    await this.#settled.wait(cancellation)
    const result = this.#result as Result<T>
    if ('error' in result) throw result.error
    return result.value
  }

  #settle(result: Result<T>): boolean {
    if (this.#result) return false
    this.#result = result
    this.#settled.set()
    return true
  }
}
