import { ExovisorError } from '../errors.ts'
import type { Child } from './child.ts'
import type { WindowFill } from './types.ts'

const named = (supervisor: string): string => `supervisor ${JSON.stringify(supervisor)}`

export const closedError = (supervisor: string): ExovisorError =>
  new ExovisorError('EXO_RESOURCE_CLOSED', `${named(supervisor)} is being closed`)

export const takenError = (supervisor: string, { id, ref }: Child): ExovisorError =>
  new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `${named(supervisor)} has a child ${JSON.stringify(id)} already, which is ${ref.state}; expected another id`,
    { details: { supervisor, id } },
  )

export const endedError = ({ ref }: Child): ExovisorError =>
  new ExovisorError('EXO_RESOURCE_CLOSED', `${ref.label} has ended in the normal way and is not restarted`)

export const strategyError = (
  supervisor: string,
  strategy: string,
  operation: string,
  expected: string,
): ExovisorError =>
  new ExovisorError(
    'EXO_STRATEGY_MISMATCH',
    `${named(supervisor)} has the strategy ${strategy}, which has no ${operation}; ${expected}`,
    { details: { supervisor, strategy, operation } },
  )

export const exhaustedError = (supervisor: string, maxChildren: number): ExovisorError =>
  new ExovisorError(
    'EXO_CHILDREN_EXHAUSTED',
    `${named(supervisor)} has ${maxChildren} children, as many as it may have`,
    { details: { supervisor, maxChildren } },
  )

export const neededError = (supervisor: string, id: string, by: readonly string[]): ExovisorError =>
  new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `${named(supervisor)} cannot remove ${JSON.stringify(id)}, which ${by.join(', ')} need; remove them first`,
    { details: { supervisor, id, by } },
  )

/** Its intensity is spent: what was the limit, and what was the last failure. */
export function gaveUpError(
  supervisor: string,
  { id, ref }: Child,
  { limit, within }: Pick<WindowFill, 'limit' | 'within'>,
  failure: ExovisorError | undefined,
): ExovisorError {
  const last = failure?.message ?? 'none, it ended'
  return new ExovisorError(
    'EXO_INTENSITY_EXCEEDED',
    `${named(supervisor)} gave up on ${ref.label}: it needed more than ${limit} restarts within ${within} ms; the last failure: ${last}`,
    { cause: failure, details: { supervisor, id, restarts: limit, within } },
  )
}

/** Its policy leaves a failure to the supervisor. */
export const escalatedError = (
  supervisor: string,
  { id, ref }: Child,
  failure: ExovisorError,
): ExovisorError =>
  new ExovisorError(
    'EXO_ESCALATED',
    `${named(supervisor)} escalates a failure of ${ref.label} that its policy says no restart cures: ${failure.message}`,
    { cause: failure, details: { supervisor, id } },
  )

/** Names the child in the error, and keeps the code of the cause. */
export function startError(supervisor: string, { id, ref }: Child, cause: unknown): ExovisorError {
  const failure = cause instanceof ExovisorError ? cause : undefined
  return new ExovisorError(
    failure?.code ?? 'EXO_RESOURCE_FAILED',
    `${named(supervisor)} could not start ${ref.label}: ${failure?.message ?? String(cause)}`,
    { cause, details: { ...failure?.details, supervisor, id } },
  )
}
