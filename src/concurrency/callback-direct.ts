import { type CallbackListener, type HandlerFault, isThenable } from './callback-listener.ts'
import { deferred } from './deferred.ts'

/** A handler that runs within `set`: the setter waits until it is done. */
export class DirectHandler<T> implements CallbackListener<T> {
  readonly #handler: (value: T) => unknown
  readonly #fault: HandlerFault<T>
  /** Lets the setters go that wait for this handler. */
  readonly #releases = new Set<() => void>()

  constructor(handler: (value: T) => unknown, fault: HandlerFault<T>) {
    this.#handler = handler
    this.#fault = fault
  }

  next(value: T): Promise<void> | undefined {
    try {
      const result = this.#handler(value)
      return isThenable(result) ? this.#whenDone(result, value) : undefined
    } catch (error) {
      this.#fault(error, value)
      return undefined
    }
  }

  leave(): void {
    for (const release of this.#releases) release()
  }

  end(): void {
    // What runs goes on, and its setters wait for it.
  }

  #whenDone(result: PromiseLike<unknown>, value: T): Promise<void> {
    const { promise, resolve } = deferred<void>()
    const release = (): void => {
      this.#releases.delete(release)
      resolve()
    }
    this.#releases.add(release)
    result.then(release, (error: unknown) => {
      this.#fault(error, value)
      release()
    })
    return promise
  }
}
