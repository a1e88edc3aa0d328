import { type Cancellation, cancelSource } from './cancellation.ts'
import { Fifo } from './fifo.ts'

interface Waiter<Granted, Wanted> {
  readonly wanted: Wanted
  readonly resolve: (granted: Granted) => void
  readonly reject: (error: unknown) => void
  /** Forgets the cancellation: nobody listens to it any more once the wait is over. */
  forget: () => void
}

const nothing = (): void => undefined

/**
 * Those who wait for something, first come, first served: what all primitives of this room stand on.
 *
 * A wait has one end: it is granted, refused or cancelled, and the first of these is final. So what was granted belongs to its
 * waiter also when he is cancelled before he has run again; he hears of that at his next checkpoint, and nothing is lost on the way.
 */
export class WaitQueue<Granted, Wanted = undefined> {
  readonly #waiters = new Fifo<Waiter<Granted, Wanted>>()

  get size(): number {
    return this.#waiters.size
  }

  /**
   * Waits at the end of the queue.
   *
   * @param wanted what {@link grant} tells whoever grants
   * @param gaveUp called within the cancelling, before anybody else runs
   */
  wait(wanted: Wanted, cancellation?: Cancellation, gaveUp: () => void = nothing): Promise<Granted> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<Granted, Wanted> = { wanted, resolve, reject, forget: nothing }
      const entry = this.#waiters.push(waiter)
      if (cancellation === undefined) return
      const source = cancelSource(cancellation)
      waiter.forget = source.onCancel(() => {
        if (!this.#waiters.remove(entry)) return
        gaveUp()
        reject(source.cancelled())
      })
    })
  }

  /** Ends the wait of the first one. The function makes what he gets from what he wanted. False: nobody waits. */
  grant(give: (wanted: Wanted) => Granted): boolean {
    const waiter = this.#waiters.shift()?.value
    waiter?.forget()
    waiter?.resolve(give(waiter.wanted))
    return waiter !== undefined
  }

  /** Ends waits with an error, one for each: all, or of those who wanted what the predicate tells. */
  refuse(error: () => unknown, which: (wanted: Wanted) => boolean = () => true): void {
    for (const entry of this.#waiters) {
      const waiter = entry.value
      if (!which(waiter.wanted)) continue
      this.#waiters.remove(entry)
      waiter.forget()
      waiter.reject(error())
    }
  }
}
