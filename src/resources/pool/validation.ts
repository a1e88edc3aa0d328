import type { Clock } from '../../concurrency/clock.ts'
import { limited } from '../../concurrency/limit.ts'
import { ExovisorError } from '../../errors.ts'
import type { Member } from './member.ts'
import type { PoolOptions } from './options.ts'

/** How members are validated. */
export interface Validation<Client> {
  readonly validate: Exclude<PoolOptions<Client>['validate'], false | undefined>
  /** Milliseconds. */
  readonly timeout: number
  readonly clock: Clock
}

/** Looks at a member before it is lent. Rejects when it is not fit for it; settles at once when the member is closed. */
export function validated<Client>(
  member: Member<Client>,
  { validate, timeout, clock }: Validation<Client>,
): Promise<void> {
  const abort = new AbortController()
  member.cancelValidation = () =>
    abort.abort(new ExovisorError('EXO_ABORTED', `${member.label} is being closed`))
  const timeoutError = () =>
    new ExovisorError('EXO_HEALTH_CHECK_FAILED', `${member.label} was not validated within ${timeout} ms`)
  return limited({ clock, timeout, timeoutError, signal: abort.signal }, async signal =>
    validate(member.client, { signal }),
  )
}
