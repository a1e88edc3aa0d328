import { allDone } from './all-done.ts'
import { AsyncCallback, type CallbackOptions } from './callback.ts'

/**
 * Callbacks by their keys: one for each request, say, so that nobody hears what is not for him.
 *
 * @example
 * const results = new AsyncCallbackRegistry<string, Token>({ onError: error => log.error({ error }, 'a handler failed') })
 * const result = results.register(requestId)
 * await result.wait(token => token.isLast, { timeout: 60_000 })
 * results.deregister(requestId)
 */
export class AsyncCallbackRegistry<Key, T> {
  readonly #options: CallbackOptions<T>
  readonly #callbacks = new Map<Key, AsyncCallback<T>>()

  /** @param options for each callback; its key is added to the name. Default of the name: `the callback` */
  constructor(options: CallbackOptions<T>) {
    this.#options = options
  }

  /** The keys, in the order of their registration. */
  get keys(): readonly Key[] {
    return [...this.#callbacks.keys()]
  }

  /** The callback of a key; made if it is not there. */
  register(key: Key): AsyncCallback<T> {
    const existing = this.#callbacks.get(key)
    if (existing) return existing
    const { name = 'the callback' } = this.#options
    const made = new AsyncCallback<T>({ ...this.#options, name: `${name} ${String(key)}` })
    this.#callbacks.set(key, made)
    return made
  }

  /** Closes the callback of a key and forgets it: who waits on it hears of that. False: there is none. */
  deregister(key: Key): boolean {
    this.#callbacks.get(key)?.close()
    return this.#callbacks.delete(key)
  }

  /**
   * Sets a value on the callback of a key.
   *
   * @returns done when {@link AsyncCallback.set} is; false: there is no such callback, and nobody has heard the value
   * @throws what {@link AsyncCallback.set} throws; never an unhandled rejection
   */
  trigger(key: Key, value: T): Promise<boolean> {
    const setting = this.#callbacks.get(key)?.set(value)
    if (!setting) return Promise.resolve(false)
    const done = setting.then(() => true)
    done.catch(() => undefined)
    return done
  }

  /**
   * Sets a value on each callback. None waits for another one.
   *
   * @returns done when all are
   * @throws what the first of them threw that failed, when all are done; never an unhandled rejection
   */
  triggerAll(value: T): Promise<void> {
    const all = allDone([...this.#callbacks.values()].map(callback => callback.set(value)))
    all.catch(() => undefined)
    return all
  }
}
