import type { Clock } from '../../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import type { MemberLease } from './lease.ts'
import type { Member } from './member.ts'
import type { PoolSettings } from './options.ts'
import type { Roster } from './roster.ts'

/** What a sweep finds. */
interface Findings<Client> {
  /** An idle member is too old, or nobody has used it for too long. */
  expired(member: Member<Client>, why: 'idleExpired' | 'lifetimeExpired'): void
  /** A member was borrowed for too long. */
  abandoned(member: Member<Client>, lease: MemberLease<Client>): void
}

/**
 * Looks after all the times of a pool with one timer. It fires when the first of them comes and is set anew only for an earlier one,
 * so that borrowing and giving back cost no timer.
 */
export class Sweeper<Client> {
  readonly #clock: Clock
  readonly #settings: PoolSettings<Client>
  readonly #roster: Roster<Client>
  readonly #findings: Findings<Client>
  #due = Number.POSITIVE_INFINITY
  #cancel: CancelTimer = () => undefined
  #isStopped = false

  constructor(
    clock: Clock,
    settings: PoolSettings<Client>,
    roster: Roster<Client>,
    findings: Findings<Client>,
  ) {
    this.#clock = clock
    this.#settings = settings
    this.#roster = roster
    this.#findings = findings
  }

  /** A member is idle, or borrowed, from now on. */
  watch(member: Member<Client>): void {
    const { idleTime, abandonedAfter } = this.#settings
    const { lease, expiresAt, usedAt } = member
    this.#expect(lease ? lease.since + abandonedAfter : Math.min(expiresAt, usedAt + idleTime))
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel()
  }

  #expect(due: number): void {
    if (this.#isStopped || due >= this.#due) return
    this.#cancel()
    this.#due = due
    this.#cancel = schedule(this.#clock, Math.max(0, due - this.#clock.now()), () => {
      this.#due = Number.POSITIVE_INFINITY
      this.#sweep()
    })
  }

  #sweep(): void {
    let next = Number.POSITIVE_INFINITY
    // The one that was used longest ago goes first, since the least number of members stays.
    for (const member of [...this.#roster].sort((a, b) => a.usedAt - b.usedAt)) {
      next = Math.min(next, this.#look(member, this.#clock.now()))
    }
    this.#expect(next)
  }

  /** When to look at this member again. */
  #look(member: Member<Client>, now: number): number {
    const { idleTime, min, abandonedAfter } = this.#settings
    const { lease, expiresAt } = member
    if (lease) {
      const until = lease.since + abandonedAfter
      if (now < until) return until
      this.#findings.abandoned(member, lease)
    } else if (member.place === 'idle') {
      const isSpare = this.#roster.living > min
      const idleUntil = isSpare ? member.usedAt + idleTime : Number.POSITIVE_INFINITY
      if (now < expiresAt && now < idleUntil) return Math.min(expiresAt, idleUntil)
      this.#findings.expired(member, now < expiresAt ? 'idleExpired' : 'lifetimeExpired')
    }
    return Number.POSITIVE_INFINITY
  }
}
