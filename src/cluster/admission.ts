import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import { ExovisorError } from '../errors.ts'

interface Waiter {
  enter(): void
  refuse(error: ExovisorError): void
}

/**
 * Lets at most `places` generations run at a time; the others wait in the order in which they came, `waiting`
 * of them at most.
 */
export class Admission {
  readonly #waiting: Waiter[] = []
  readonly #limit: number
  readonly #places: number
  readonly #idle: (() => void)[] = []
  #free: number
  #closed = false

  constructor({ places, waiting }: { readonly places: number; readonly waiting: number }) {
    this.#places = places
    this.#free = places
    this.#limit = waiting
  }

  /** How many have a place. */
  get running(): number {
    return this.#places - this.#free
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Lets nobody in any more, and resolves when those inside have left; those who wait are turned away. */
  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#waiting.splice(0)) waiter.refuse(closedError())
    if (this.#free < this.#places) await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  /**
   * Takes a place, waiting for one if need be.
   *
   * @returns gives the place back; calling it again does nothing
   * @throws EXO_ENGINE_BUSY when too many wait already; EXO_ABORTED; EXO_RESOURCE_CLOSED after {@link close}
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    refuseAborted(signal, 'the generation')
    if (this.#closed) throw closedError()
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(signal)
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.#leave()
    }
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next) next.enter()
    else this.#free += 1
    if (this.#free === this.#places) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#limit)
      throw new ExovisorError(
        'EXO_ENGINE_BUSY',
        `${this.#waiting.length} generations wait already, which is the limit`,
      )
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        signal?.removeEventListener('abort', leave)
        finish()
      }
      const waiter: Waiter = {
        enter: () => settle(resolve),
        refuse: error => settle(() => reject(error)),
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        waiter.refuse(new ExovisorError('EXO_ABORTED', 'the generation was cancelled while it waited'))
      }
      this.#waiting.push(waiter)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }
}

const closedError = (): ExovisorError =>
  new ExovisorError('EXO_RESOURCE_CLOSED', 'the node is being closed and takes no further generation')
