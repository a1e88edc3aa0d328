import { ExovisorError, toErrorRecord } from '../../errors.ts'
import type { Environment } from '../environment.ts'
import type { MemberLease } from './lease.ts'
import type { AbandonedBorrow } from './types.ts'

/** Tells the log and the listener of a borrow that was never given back. The result is the reason for its holder, should it come back. */
export function reportAbandoned<Client>(
  pool: string,
  { member, holder, since }: MemberLease<Client>,
  { clock, log }: Environment,
  listener: ((borrow: AbandonedBorrow) => void) | undefined,
): ExovisorError {
  const heldFor = clock.now() - since
  const by = holder === undefined ? '' : ` by ${holder}`
  const text = `${member.label} was borrowed${by} for ${heldFor} ms and not given back, so it was taken back`
  log.warn({ pool, member: member.name, holder, heldFor }, text)
  try {
    listener?.({ pool, member: member.name, holder, since, heldFor })
  } catch (error) {
    log.error({ error: toErrorRecord(error) }, `onAbandoned of pool ${JSON.stringify(pool)} threw`)
  }
  return new ExovisorError('EXO_RESOURCE_CLOSED', text)
}
