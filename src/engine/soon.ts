/** A value that is there already, or a promise of one. */
export type Soon<T> = T | Promise<T>

/** Goes on with a value: at once if it is there. */
export const andThen = <T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> =>
  value instanceof Promise ? value.then(next) : next(value)
