import { ExovisorError } from '../errors.ts'
import type { ResourceRef } from './types.ts'

type Awaited = Pick<ResourceRef<unknown>, 'state' | 'incarnation' | 'lastError'> & { readonly label: string }

/** A caller has given up waiting. */
export function abortedError({ label }: Awaited, cause: unknown): ExovisorError {
  return new ExovisorError('EXO_ABORTED', `the caller no longer waits for ${label}`, { cause })
}

/** The time of a caller is over. */
export function notReadyError(
  { label, state, incarnation, lastError }: Awaited,
  timeout: number | undefined,
): ExovisorError {
  const last = lastError ? `, its last error is: ${lastError.message}` : ''
  return new ExovisorError(
    'EXO_READY_TIMEOUT',
    `${label} was not READY within ${timeout} ms: it is ${state}${last}`,
    { details: { state, incarnation, timeout } },
  )
}
