import { ExovisorError } from '../errors.ts'
import { isCancellation } from './cancellation.ts'
import { CancelScope, type ScopeOptions } from './scope.ts'

/** The options of a scope whose time is given by the call itself. */
export type TimedScopeOptions = Omit<ScopeOptions, 'timeout'>

/**
 * Runs some work in a scope of its own, and closes the scope afterwards. Catches what only says that this very scope was cancelled; a
 * cancellation that comes from outside, and each real failure, goes on to the caller.
 *
 * @returns what the body gives; undefined if the scope's own cancellation has cut it short
 * @throws EXO_ABORTED if a cancellation from outside has cut the body short, or what the body throws
 *
 * @example
 * const page = await withCancelScope(async scope => {
 *   button.onClick = () => scope.cancel('not wanted any more')
 *   return scope.run(signal => fetch(address, { signal }))
 * })
 */
export async function withCancelScope<T>(
  body: (scope: CancelScope) => T | PromiseLike<T>,
  options: ScopeOptions = {},
): Promise<T | undefined> {
  const scope = new CancelScope(options)
  try {
    return await body(scope)
  } catch (error) {
    absorb(scope, error)
    return undefined
  } finally {
    scope.close()
  }
}

/**
 * Runs some work for at most so many milliseconds, then goes on without it: no error tells that its time was over, but undefined, and
 * `cancelledCaught` of the scope.
 *
 * @returns what the body gives; undefined if its time was over, or somebody called `cancel` of the scope
 * @throws EXO_ABORTED if a cancellation from outside has cut the body short, also an earlier deadline around it; or what the body throws
 *
 * @example
 * const fresh = await moveOnAfter(200, scope => scope.run(signal => load(signal)))
 * return fresh ?? remembered
 */
export function moveOnAfter<T>(
  ms: number,
  body: (scope: CancelScope) => T | PromiseLike<T>,
  options: TimedScopeOptions = {},
): Promise<T | undefined> {
  return withCancelScope(body, { ...options, timeout: ms })
}

/**
 * Runs some work that must be done within so many milliseconds.
 *
 * @throws EXO_DEADLINE_EXCEEDED if its own time was over and has cut the body short; a body that was done all the same gives its result
 * @throws EXO_ABORTED if a cancellation from outside has cut the body short, also an earlier deadline around it, or somebody called `cancel`
 *   of the scope, since then there is nothing to give; or what the body throws
 *
 * @example
 * const answer = await failAfter(5_000, scope => scope.run(signal => ask(peer, signal)), { scope: outer, name: 'the question' })
 */
export async function failAfter<T>(
  ms: number,
  body: (scope: CancelScope) => T | PromiseLike<T>,
  options: TimedScopeOptions = {},
): Promise<T> {
  const scope = new CancelScope({ ...options, timeout: ms })
  try {
    return await body(scope)
  } catch (error) {
    absorb(scope, error)
    if (!scope.hasExpired) throw scope.cancelled()
    throw new ExovisorError('EXO_DEADLINE_EXCEEDED', `${scope.name} took longer than ${ms} ms`, {
      cause: error,
      details: { timeout: ms },
    })
  } finally {
    scope.close()
  }
}

/** Throws whatever a scope may not catch: all but its own cancellation, as long as none has reached it from outside. */
function absorb(scope: CancelScope, error: unknown): void {
  if (!isCancellation(error)) throw error
  if (scope.outer) throw scope.outer
  if (!scope.cancelCalled) throw error
  scope.caught()
}
