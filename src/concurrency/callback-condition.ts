import { ExovisorError } from '../errors.ts'
import { type CallbackListener, isThenable } from './callback-listener.ts'
import { Fifo } from './fifo.ts'
import { Future } from './future.ts'

/** Tells whether a value is the one that is waited for. */
export type CallbackCondition<T> = (value: T) => boolean | Promise<boolean>

/**
 * One who waits for a value. The condition is asked of one value after the other, in order; of a value that comes while it still thinks about
 * an earlier one, after that. A condition that answers at once is asked within `set`.
 */
export class ConditionListener<T> implements CallbackListener<T> {
  /** The first value that satisfies the condition, or why there will be none. */
  readonly result = new Future<T>()
  readonly #name: string
  readonly #condition: CallbackCondition<T>
  readonly #capacity: number
  /** Values that came while the condition thought about an earlier one. */
  readonly #undecided = new Fifo<T>()
  #isThinking = false

  constructor(name: string, condition: CallbackCondition<T>, capacity: number) {
    this.#name = name
    this.#condition = condition
    this.#capacity = capacity
  }

  next(value: T): undefined {
    if (this.#isThinking) {
      this.#later(value)
      return
    }
    const verdict = this.#ask(value)
    if (isThenable(verdict)) void this.#think(value, verdict)
    else this.#decide(value, verdict)
  }

  leave(): void {
    this.result.fail(undefined)
  }

  end(): void {
    this.result.fail(new ExovisorError('EXO_RESOURCE_CLOSED', `${this.#name} is closed`))
  }

  /** What throws at once is an answer, too: that there will be none. */
  #ask(value: T): boolean | PromiseLike<boolean> {
    try {
      return !this.result.isSettled && this.#condition(value)
    } catch (error) {
      this.result.fail(error)
      return false
    }
  }

  #decide(value: T, isIt: boolean): void {
    if (isIt) this.result.set(value)
  }

  async #think(value: T, verdict: PromiseLike<boolean>): Promise<void> {
    this.#isThinking = true
    try {
      this.#decide(value, await verdict)
      for (let entry = this.#undecided.shift(); entry; entry = this.#undecided.shift())
        this.#decide(entry.value, await this.#ask(entry.value))
    } catch (error) {
      this.result.fail(error)
    }
    this.#isThinking = false
  }

  #later(value: T): void {
    if (this.#undecided.size < this.#capacity) {
      this.#undecided.push(value)
      return
    }
    const reason = `the condition of a wait for ${this.#name} is too slow: ${this.#capacity} values wait for it`
    this.result.fail(new ExovisorError('EXO_MAILBOX_FULL', reason))
  }
}
