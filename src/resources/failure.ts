import { ExovisorError } from '../errors.ts'

/** What people read for anything thrown. */
export function reasonText(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}

/** Anything thrown as an error of the catalogue: one that is already stays itself, with its code. */
export function toFailure(error: unknown, label: string, what = 'failed'): ExovisorError {
  if (error instanceof ExovisorError) return error
  return new ExovisorError('EXO_RESOURCE_FAILED', `${label} ${what}: ${reasonText(error)}`, { cause: error })
}
