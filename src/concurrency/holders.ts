import { ExovisorError } from '../errors.ts'
import { type Cancellation, type CancelSource, refuseCancelled } from './cancellation.ts'
import { WaitQueue } from './wait-queue.ts'

const taken = Promise.resolve()

/** A holder that is a scope or a signal says himself when he gives his wait up. */
function cancellationOf(holder: object): Cancellation | undefined {
  if (holder instanceof AbortSignal) return holder
  const source = holder as CancelSource
  return typeof source.onCancel === 'function' && typeof source.cancelled === 'function' ? source : undefined
}

/**
 * Who holds one of a limited number of things, and who waits for one: below a lock, which is one thing, and below a capacity limiter.
 * Nobody holds two. JavaScript knows no current task, so a holder is told by a token: any object, in most cases the scope of a task.
 */
export class Holders {
  readonly #thing: string
  #total: number
  readonly #holding = new Set<object>()
  readonly #waiting = new Set<object>()
  readonly #queue = new WaitQueue<void, object>()

  /** @param thing names what is held in messages, e.g. `the lock` */
  constructor(thing: string, total: number) {
    this.#thing = thing
    this.#total = total
  }

  get total(): number {
    return this.#total
  }

  /** More wakes who waits; fewer takes nothing from anybody. */
  set total(total: number) {
    this.#total = total
    this.#handOn()
  }

  get holding(): ReadonlySet<object> {
    return this.#holding
  }

  get waiting(): number {
    return this.#queue.size
  }

  // Not async: that would make a second promise of each, and let whoever waits run some microtasks later.
  acquire(holder: object, cancellation: Cancellation | undefined = cancellationOf(holder)): Promise<void> {
    try {
      refuseCancelled(cancellation)
      if (this.#take(holder)) return taken
      this.#waiting.add(holder)
      return this.#queue.wait(holder, cancellation, () => this.#waiting.delete(holder))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  tryAcquire(holder: object): void {
    if (!this.#take(holder))
      throw new ExovisorError('EXO_WOULD_BLOCK', `${this.#thing} is not free: ${this.#holding.size} in use`)
  }

  release(holder: object): void {
    if (!this.#holding.delete(holder)) {
      throw new ExovisorError(
        'EXO_LOCK_MISUSE',
        `${this.#thing} was released by somebody who does not hold it`,
      )
    }
    this.#handOn()
  }

  /** Takes one if there is one. Those who wait come first: while somebody waits, none is free. */
  #take(holder: object): boolean {
    const verb = this.#holding.has(holder) ? 'holds' : this.#waiting.has(holder) ? 'waits for' : undefined
    if (verb !== undefined) {
      throw new ExovisorError(
        'EXO_LOCK_MISUSE',
        `${this.#thing} was acquired by somebody who ${verb} it already: waiting would never end`,
      )
    }
    if (!this.#hasFree) return false
    this.#holding.add(holder)
    return true
  }

  get #hasFree(): boolean {
    return this.#holding.size < this.#total
  }

  #handOn(): void {
    const give = (holder: object): void => {
      this.#waiting.delete(holder)
      this.#holding.add(holder)
    }
    while (this.#hasFree && this.#queue.grant(give));
  }
}
