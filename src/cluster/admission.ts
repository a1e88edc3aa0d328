import { ExovisorError } from '../errors.ts'

/**
 * Lets at most `places` generations run at a time; the others wait in the order in which they came, `waiting`
 * of them at most.
 */
export class Admission {
  readonly #waiting: (() => void)[] = []
  readonly #limit: number
  #free: number

  constructor({ places, waiting }: { readonly places: number; readonly waiting: number }) {
    this.#free = places
    this.#limit = waiting
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Takes a place, waiting for one if need be.
   *
   * @returns gives the place back; calling it again does nothing
   * @throws EXO_ENGINE_BUSY when too many wait already; EXO_ABORTED
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted)
      throw new ExovisorError('EXO_ABORTED', 'the generation was cancelled before it began')
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(signal)
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free += 1
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#limit)
      throw new ExovisorError(
        'EXO_ENGINE_BUSY',
        `${this.#waiting.length} generations wait already, which is the limit`,
      )
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(new ExovisorError('EXO_ABORTED', 'the generation was cancelled while it waited'))
      }
      this.#waiting.push(enter)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }
}
