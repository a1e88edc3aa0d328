import { ExovisorError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { type WaitOptions, watchLimits } from './wait.ts'

/**
 * Waits for some work within a caller's limits. The work goes on when the caller has given up.
 *
 * @param what names the work in messages, e.g. `the placement of builtin`
 * @throws EXO_READY_TIMEOUT, EXO_ABORTED, or what the work throws
 */
export function waitFor<T>(
  work: Promise<T>,
  clock: Clock,
  what: string,
  options: WaitOptions = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = watchLimits(clock, options, {
      timeout: () =>
        reject(new ExovisorError('EXO_READY_TIMEOUT', `${what} took longer than ${options.timeout} ms`)),
      abort: cause =>
        reject(new ExovisorError('EXO_ABORTED', `waiting for ${what} was cancelled`, { cause })),
    })
    work.then(resolve, reject).finally(stop)
  })
}
