import { ExovisorError, thrownText } from '../errors.ts'

/** Makes an error without a stack of its own: capturing one takes as long as all the rest of a restart. */
function withoutStack(make: () => ExovisorError): ExovisorError {
  const { stackTraceLimit } = Error
  // Not an assignment, which would throw where somebody has frozen Error.
  Reflect.set(Error, 'stackTraceLimit', 0)
  try {
    return make()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}

/**
 * Anything thrown as an error of the catalogue: one that is already stays itself, with its code. What wraps an error has no stack
 * of its own: that of the cause tells where it happened.
 */
export function toFailure(error: unknown, label: string, what = 'failed'): ExovisorError {
  if (error instanceof ExovisorError) return error
  const make = (): ExovisorError =>
    new ExovisorError('EXO_RESOURCE_FAILED', `${label} ${what}: ${thrownText(error)}`, { cause: error })
  return error instanceof Error ? withoutStack(make) : make()
}
