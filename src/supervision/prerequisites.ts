import { type Deferred, deferred } from '../concurrency/deferred.ts'
import type { ExovisorError } from '../errors.ts'
import type { Child } from './child.ts'
import type { Roster } from './roster.ts'

/** Not up, and neither down to stay so nor never told to start. One that is about to close is not up any more. */
const isMissing = (child: Child): boolean => {
  const { state, ended } = child.ref
  if (child.isGoingDown) return true
  return state !== 'READY' && state !== 'DEGRADED' && !ended && !child.isStopped
}

/** What first starts wait for: the siblings that a child starts after. Asked anew after each event of one that is not up, and after each reload. */
export class Prerequisites {
  readonly #roster: Roster
  /** For those who wait for the next event of a child. */
  readonly #news = new Map<Child, Deferred<void>>()
  #closed: ExovisorError | undefined

  constructor(roster: Roster) {
    this.#roster = roster
  }

  /** True when all that a child starts after is READY or DEGRADED, and to stay so; or stays down, or was never started. */
  areMet(child: Child): boolean {
    return this.#missing(child) === undefined
  }

  /**
   * Resolves when they are met, all at one time. Rejects when one of them ends while it is waited for, unless it had been told to
   * stop by then, and as soon as the supervisor closes.
   */
  async met(child: Child): Promise<void> {
    for (let missing = this.#missing(child); missing; missing = this.#missing(child)) {
      if (this.#closed) throw this.#closed
      const { isToStop } = missing
      await this.#nextEvent(missing)
      // That rejects with the reason.
      if (missing.ref.ended && !isToStop) await missing.ref.ready()
    }
  }

  /** Something has happened to a child. */
  changed(child: Child): void {
    const news = this.#news.get(child)
    if (news === undefined) return
    this.#news.delete(child)
    news.resolve()
  }

  /** The relations of the children may be others now. */
  related(): void {
    for (const child of [...this.#news.keys()]) this.changed(child)
  }

  /** No child starts any more. */
  cease(error: ExovisorError): void {
    this.#closed = error
    for (const news of this.#news.values()) news.reject(error)
    this.#news.clear()
  }

  #missing({ id }: Child): Child | undefined {
    const { dependencies } = this.#roster
    for (const before of dependencies.before(id)) {
      const sibling = this.#roster.find(before)
      if (sibling && isMissing(sibling)) return sibling
    }
    return undefined
  }

  #nextEvent(child: Child): Promise<void> {
    const news = this.#news.get(child) ?? deferred<void>()
    this.#news.set(child, news)
    return news.promise
  }
}
