/** How a promise has ended so far. Looking at it makes no rejection unhandled. */
export interface Outcome<T> {
  state: 'pending' | 'fulfilled' | 'rejected'
  value?: T
  error?: unknown
}

/** Follows a promise without waiting for it. */
export function track<T>(promise: PromiseLike<T>): Outcome<T> {
  const seen: Outcome<T> = { state: 'pending' }
  promise.then(
    value => Object.assign(seen, { state: 'fulfilled', value }),
    error => Object.assign(seen, { state: 'rejected', error }),
  )
  return seen
}

/** Waits until a promise has ended, whichever way. */
export async function outcome<T>(promise: PromiseLike<T>): Promise<Outcome<T>> {
  const seen = track(promise)
  await Promise.allSettled([promise])
  return seen
}
