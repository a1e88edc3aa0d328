import type { ErrorCode } from '../errors.ts'

/**
 * What a task group throws when its work has failed: all real failures together, in the order in which they came, also when there is only
 * one. Cancellations are no failures and never in it. Its code is EXO_TASKS_FAILED; its cause is the first failure.
 */
export class TaskGroupError extends AggregateError {
  override readonly name = 'TaskGroupError'
  readonly code: ErrorCode = 'EXO_TASKS_FAILED'

  constructor(errors: readonly unknown[], message: string) {
    super(errors, message, { cause: errors[0] })
  }
}

/** The two parts of an error; a part that has nothing in it is undefined. */
export interface SplitError {
  readonly matching: unknown
  readonly rest: unknown
}

/**
 * Parts what a task group has thrown by a question to each error in it: what matches, and all the rest. Groups within groups keep their
 * shape. A group that matches itself is not looked into. Python's `except*`, as a function.
 *
 * @example
 * const { matching, rest } = splitErrors(error, one => isExovisorError(one, 'EXO_POOL_EXHAUSTED'))
 * if (rest) throw rest
 */
export function splitErrors(error: unknown, matches: (error: unknown) => boolean): SplitError {
  if (matches(error)) return { matching: error, rest: undefined }
  if (!(error instanceof AggregateError)) return { matching: undefined, rest: error }
  const matching: unknown[] = []
  const rest: unknown[] = []
  for (const member of error.errors) {
    // Anything can be thrown, undefined too, so a single error is not looked for in the result.
    if (!(member instanceof AggregateError)) {
      const side = matches(member) ? matching : rest
      side.push(member)
      continue
    }
    const parts = splitErrors(member, matches)
    if (parts.matching) matching.push(parts.matching)
    if (parts.rest) rest.push(parts.rest)
  }
  return { matching: part(error, matching), rest: part(error, rest) }
}

/** What matches of an error: the first part of {@link splitErrors}. */
export function filterErrors(error: unknown, matches: (error: unknown) => boolean): unknown {
  return splitErrors(error, matches).matching
}

/** A group like the whole one, with some of its members; where it came from stays to be seen. */
function part(whole: AggregateError, members: readonly unknown[]): AggregateError | undefined {
  if (members.length === 0) return undefined
  if (
    members.length === whole.errors.length &&
    members.every((member, index) => member === whole.errors[index])
  )
    return whole
  const group =
    whole instanceof TaskGroupError
      ? new TaskGroupError(members, whole.message)
      : new AggregateError(members, whole.message, { cause: whole.cause })
  if (whole.stack !== undefined) group.stack = whole.stack
  return group
}
