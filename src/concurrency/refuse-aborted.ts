import { ExovisorError } from '../errors.ts'

/**
 * Throws when a caller has given up already.
 *
 * @param what names the work, e.g. `the generation`
 * @throws EXO_ABORTED with the signal's reason as its cause
 */
export function refuseAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted)
    throw new ExovisorError('EXO_ABORTED', `${what} was cancelled`, { cause: signal.reason })
}
