import type { LazyAbort } from '../concurrency/lazy-abort.ts'
import type { CancelTimer } from '../concurrency/timer.ts'

/** A promise that somebody waits on with limits. The first settling wins and ends the watching of the limits. */
export class Waiter {
  /** Set once the limits are watched. */
  stopWatching: CancelTimer | undefined
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  #isSettled = false

  constructor(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  resolve(value: unknown): void {
    if (this.#settle()) this.#resolve(value)
  }

  reject(error: unknown): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.stopWatching?.()
    return true
  }
}

/** One message on its way. */
export class Letter<Message> {
  readonly message: Message
  /** Present for an ask: waits for the answer. */
  readonly answer: Waiter | undefined
  /** Present for a send: waits for a place. */
  readonly entry: Waiter | undefined
  /** The address of its sender, where the receiver is traced and the sender is too. */
  from: string | undefined
  /** Present while an ask is handled: tells the handler that nobody waits any more. */
  work: LazyAbort | undefined
  previous: Letter<Message> | undefined
  next: Letter<Message> | undefined
  /** Where it waits. */
  queue: LetterQueue<Message> | undefined

  constructor(message: Message, answer?: Waiter, entry?: Waiter) {
    this.message = message
    this.answer = answer
    this.entry = entry
  }

  /** Settles whoever waits with this error. */
  reject(error: unknown): void {
    this.entry?.reject(error)
    this.answer?.reject(error)
  }
}

/**
 * Letters in the order of their coming: a doubly linked list through the letters themselves, so that an empty one costs almost
 * nothing and whoever gives up takes his letter out in constant time and leaves no gap behind.
 */
export class LetterQueue<Message> {
  #first: Letter<Message> | undefined
  #last: Letter<Message> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  push(letter: Letter<Message>): void {
    letter.queue = this
    letter.previous = this.#last
    if (this.#last) this.#last.next = letter
    else this.#first = letter
    this.#last = letter
    this.#size += 1
  }

  /** Takes the oldest one out. */
  shift(): Letter<Message> | undefined {
    const letter = this.#first
    if (letter) this.remove(letter)
    return letter
  }

  /** Takes a letter out that is in this queue. */
  remove(letter: Letter<Message>): void {
    const { previous, next } = letter
    if (previous) previous.next = next
    else this.#first = next
    if (next) next.previous = previous
    else this.#last = previous
    // A letter that is kept elsewhere must not keep its old neighbours.
    letter.previous = undefined
    letter.next = undefined
    letter.queue = undefined
    this.#size -= 1
  }
}
