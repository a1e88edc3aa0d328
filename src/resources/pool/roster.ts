import type { Member, Place } from './member.ts'
import type { Waiter } from './waiter.ts'

/** The members of a pool: where each of them stands, and for which caller it is being made ready. */
export class Roster<Client> {
  readonly #members = new Set<Member<Client>>()
  /** The one that was used last stands at the end. */
  readonly #idle: Member<Client>[] = []
  /** Being created or validated, but for nobody in particular. */
  readonly #unclaimed = new Set<Member<Client>>()
  readonly #counts: Record<Place, number> = { creating: 0, idle: 0, validating: 0, borrowed: 0, closing: 0 }

  /** All members, those that are being created or closed included. */
  get size(): number {
    return this.#members.size
  }

  /** Members that are not being closed. */
  get living(): number {
    return this.size - this.#counts.closing
  }

  /** Callers for whom a member is being created or validated. */
  get claims(): number {
    return this.#counts.creating + this.#counts.validating - this.#unclaimed.size
  }

  count(place: Place): number {
    return this.#counts[place]
  }

  [Symbol.iterator](): Iterator<Member<Client>> {
    return this.#members.values()
  }

  /** Adds one that is about to be created, for `waiter` or for nobody in particular. */
  add(member: Member<Client>, waiter?: Waiter<Client>): void {
    this.#members.add(member)
    this.#counts[member.place] += 1
    this.#unclaimed.add(member)
    if (waiter) this.claim(member, waiter)
  }

  remove(member: Member<Client>): void {
    if (this.#members.delete(member)) this.#counts[member.place] -= 1
  }

  /** Puts a member in another place. It is made ready for nobody any more. */
  move(member: Member<Client>, place: Place): void {
    if (member.waiter) member.waiter.pledge = undefined
    member.waiter = undefined
    this.#unclaimed.delete(member)
    if (member === this.freshest) this.#idle.pop()
    else if (member.place === 'idle') this.#idle.splice(this.#idle.lastIndexOf(member), 1)
    if (place === 'idle') this.#idle.push(member)
    if (place === 'validating') this.#unclaimed.add(member)
    this.#counts[member.place] -= 1
    this.#counts[place] += 1
    member.place = place
  }

  /** The idle member that was used last. */
  get freshest(): Member<Client> | undefined {
    return this.#idle.at(-1)
  }

  /** A member that is being made ready for nobody in particular. */
  get unclaimed(): Member<Client> | undefined {
    const [member] = this.#unclaimed
    return member
  }

  /** From now on the member is being made ready for that caller. */
  claim(member: Member<Client>, waiter: Waiter<Client>): void {
    this.#unclaimed.delete(member)
    member.waiter = waiter
    waiter.pledge = member
  }

  /** The caller waits no longer: what was being made ready for it is there for another. */
  disclaim(waiter: Waiter<Client>): void {
    const { pledge } = waiter
    if (!pledge) return
    waiter.pledge = undefined
    pledge.waiter = undefined
    this.#unclaimed.add(pledge)
  }
}
