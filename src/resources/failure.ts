import { ExovisorError, isError, isExovisorError, thrownText } from '../errors.ts'
import type { IncarnationOptions } from './incarnation-options.ts'

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
  if (isExovisorError(error)) return error
  const make = (): ExovisorError =>
    new ExovisorError('EXO_RESOURCE_FAILED', `${label} ${what}: ${thrownText(error)}`, { cause: error })
  return isError(error) ? withoutStack(make) : make()
}

type Options = Pick<IncarnationOptions<never, unknown, never>, 'name' | 'number' | 'attempt'> & {
  readonly definition: { readonly kind: string }
}

/** What a machine of the plain lifecycle knows of a resource that has failed already. */
export function failedContext(
  { definition: { kind }, name, number, attempt }: Options,
  { code, message }: ExovisorError,
): object {
  return {
    name,
    kind,
    incarnation: number,
    attempt,
    lastError: { code, message },
    health: { checks: 0, failed: 0 },
  }
}
