import { ExovisorError } from '../../errors.ts'
import type { Roster } from './roster.ts'

/** The error for a caller that gets no member. It names who holds one for the longest time: often the one that forgot to release. */
export function exhausted<Client>(
  label: string,
  why: string,
  roster: Roster<Client>,
  facts: { readonly max: number; readonly now: number; readonly cause: ExovisorError | undefined },
): ExovisorError {
  const { max, now, cause } = facts
  const borrowed = roster.count('borrowed')
  const leases = [...roster].flatMap(({ lease }) => lease ?? [])
  const [oldest] = leases.sort((a, b) => a.since - b.since)
  const heldFor = oldest && now - oldest.since
  const by = oldest?.holder === undefined ? '' : ` by ${oldest.holder}`
  const longest = oldest ? `, ${oldest.member.name} for ${heldFor} ms${by}` : ''
  return new ExovisorError(
    'EXO_POOL_EXHAUSTED',
    `${label}: ${why}: ${borrowed} of at most ${max} members are borrowed${longest}`,
    {
      cause,
      details: { max, members: roster.size, borrowed, ...(oldest && { heldFor, holder: oldest.holder }) },
    },
  )
}

/** The error for a caller whose signal was aborted. */
export function givenUp(label: string, cause: unknown): ExovisorError {
  return new ExovisorError('EXO_ABORTED', `the caller no longer waits for a member of ${label}`, { cause })
}

/** The error for a caller that comes after the end of a pool, or waits at that moment. */
export function poolClosed(label: string, reason: string): ExovisorError {
  return new ExovisorError('EXO_RESOURCE_CLOSED', `${label} lends no members any more: ${reason}`)
}

/** The error for a wrong time to wait. */
export function wrongTimeout(label: string, timeout: number | undefined): ExovisorError {
  return new ExovisorError(
    'EXO_POOL_INVALID',
    `${label}: timeout is ${String(timeout)}, expected a number of milliseconds, at least 0`,
    { details: { faults: [{ option: 'timeout', value: timeout }] } },
  )
}
