import { ExovisorError, toErrorRecord } from '../errors.ts'
import type { Member } from './group-member.ts'

/** Why a start is given up: a resource that failed, or somebody's word. */
export interface Obstacle {
  readonly error: ExovisorError
  readonly member?: Member
}

const named = ({ error, member }: Obstacle): object => ({
  ...(member && { name: member.name }),
  ...toErrorRecord(error),
})

/** The error of a start that failed: the first obstacle, with its code and cause; what went wrong beside it is in the details. */
export function startError(
  group: string,
  first: Obstacle,
  others: readonly Obstacle[],
  cleanupFailures: readonly ExovisorError[],
): ExovisorError {
  const { error, member } = first
  const details = {
    ...error.details,
    group,
    ...(member && { name: member.name }),
    failures: others.map(named),
    cleanupFailures: cleanupFailures.map(failure => toErrorRecord(failure)),
  }
  if (member === undefined)
    return new ExovisorError(error.code, error.message, { cause: error.cause, details })
  return new ExovisorError(
    error.code,
    `group ${JSON.stringify(group)} could not start ${member.resource.label}: ${error.message}`,
    { cause: error, details },
  )
}

/** The error of a group whose resource is not well, with the code of that resource's failure. */
export function troubleWith(group: string, what: string, { resource, name, trouble }: Member): ExovisorError {
  return new ExovisorError(
    trouble.code,
    `group ${JSON.stringify(group)} ${what} ${resource.label}: ${trouble.message}`,
    { cause: trouble, details: { ...trouble.details, group, name } },
  )
}
