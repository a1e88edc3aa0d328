import { ExovisorError, thrownText } from '../errors.ts'

/** Anything thrown as an error of the catalogue: one that is already stays itself, with its code. */
export function toFailure(error: unknown, label: string, what = 'failed'): ExovisorError {
  if (error instanceof ExovisorError) return error
  return new ExovisorError('EXO_RESOURCE_FAILED', `${label} ${what}: ${thrownText(error)}`, { cause: error })
}
