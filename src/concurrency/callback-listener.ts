/** One who hears the values of a callback. */
export interface CallbackListener<T> {
  /**
   * A value was set. Does not throw.
   *
   * @returns what the setter should wait for, if anything; rejects only when there was no place for the value
   */
  next(value: T): Promise<void> | undefined
  /** Unsubscribed: hears nothing from now on, and keeps no setter waiting. */
  leave(): void
  /** The callback is closed: no value comes any more. */
  end(): void
}

/** Where the error of a handler goes, with the value that it had been given. */
export type HandlerFault<T> = (error: unknown, value: T) => void

/** True for what can be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
