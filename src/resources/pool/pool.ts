import type { PoolEvent } from '../../../machines/pool.ts'
import type { Clock } from '../../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import { ExovisorError, thrownText } from '../../errors.ts'
import type { Environment } from '../environment.ts'
import { ownerOf } from '../self.ts'
import type { ResourceSelf } from '../types.ts'
import { Drain } from './drain.ts'
import { MemberLease } from './lease.ts'
import type { Member } from './member.ts'
import { isTime, type PoolSettings } from './options.ts'
import { WaiterQueue } from './queue.ts'
import { exhausted, givenUp, poolClosed, wrongTimeout } from './refusals.ts'
import { retryDelay } from './retry-delay.ts'
import { noCounters, type PoolCounters, type PoolStatistics, WaitTimes } from './statistics.ts'
import { type PoolParts, Stock } from './stock.ts'
import type { AcquireOptions, Lease, Pool } from './types.ts'
import { Waiter } from './waiter.ts'

/** The least time in milliseconds between two looks at how much is in use. */
const SHOW_PAUSE_MS = 20

/**
 * The {@link Pool} of a pool resource: brings callers and members together.
 *
 * Nothing here is ever locked: each change of a member or a caller is one step that ends in `#balance`, which gives what is free to those
 * who wait. What takes time (creating, validating, closing) runs outside of these steps, and belongs to the caller it was begun for
 * only as long as that one waits: a member that becomes free goes to whoever has waited longest.
 */
export class PoolCore<Client> implements Pool<Client> {
  readonly label: string
  readonly #settings: PoolSettings<Client>
  readonly #self: ResourceSelf
  readonly #environment: Environment
  readonly #stock: Stock<Client>
  readonly #queue: WaiterQueue<Client>
  readonly #counters: PoolCounters = noCounters()
  readonly #waits = new WaitTimes()
  #drain: Drain | undefined
  #shownLoad: PoolEvent['type'] = 'load.none'
  #isAnnouncing = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #cancelShow: CancelTimer = () => undefined

  constructor(parts: PoolParts<Client>) {
    const { settings, self } = parts
    this.label = `pool ${JSON.stringify(self.name)}`
    this.#settings = settings
    this.#self = self
    this.#environment = ownerOf(self).environment
    this.#queue = new WaiterQueue(this.#clock)
    this.#stock = new Stock(parts, this.#counters, {
      fit: member => this.#offer(member),
      unmade: (waiter, error) => this.#charge(waiter, error),
      moved: () => this.#balance(),
    })
  }

  acquire(options: AcquireOptions = {}): Promise<Lease<Client>> {
    const refusal = this.#refusal(options)
    if (refusal) return Promise.reject(refusal)
    const lease = this.#lendAtOnce(options.holder)
    if (lease) return Promise.resolve(lease)
    const waiter = new Waiter<Client>(this.#clock.now(), options.holder)
    this.#wait(waiter, options)
    return waiter.lease
  }

  async use<Result>(
    work: (client: Client, lease: Lease<Client>) => Result | Promise<Result>,
    options: AcquireOptions = {},
  ): Promise<Result> {
    const refusal = this.#refusal(options)
    if (refusal) throw refusal
    const lease = this.#lendAtOnce(options.holder) ?? (await this.acquire(options))
    try {
      return await work(lease.client, lease)
    } finally {
      lease.release()
    }
  }

  statistics(): PoolStatistics {
    const { roster } = this.#stock
    return {
      members: roster.size,
      idle: roster.count('idle'),
      borrowed: roster.count('borrowed'),
      creating: roster.count('creating'),
      validating: roster.count('validating'),
      closing: roster.count('closing'),
      waiting: this.#queue.size,
      ...this.#counters,
      wait: this.#waits.summary(),
    }
  }

  async drain(): Promise<void> {
    await this.stop('it is drained')
    this.#self.end('it was drained')
  }

  /** Creates the first members. Rejects with the reason of the first that could not be created. */
  fill(signal: AbortSignal): Promise<void> {
    return this.#stock.fill(signal)
  }

  /** Closes everything, as {@link Pool.drain} does; what is still borrowed when the signal is aborted is not waited for. */
  stop(reason: string, signal?: AbortSignal): Promise<void> {
    const drain = this.#drain ?? this.#beginDrain(reason)
    if (signal) drain.hurry(signal)
    return drain.done
  }

  /** @throws EXO_HEALTH_CHECK_FAILED when there is nothing to lend, and the last creation failed */
  checkHealth(): void {
    const { lastError, roster } = this.#stock
    const isWanted = this.#settings.min > 0 || this.#queue.size > 0
    if (!lastError || !isWanted || roster.living > roster.count('creating')) return
    throw new ExovisorError(
      'EXO_HEALTH_CHECK_FAILED',
      `${this.label} has no member to lend, and creating one failed with: ${lastError.message}`,
      { cause: lastError },
    )
  }

  /** Takes back what was lent, by its holder's word. */
  takeBack(lease: MemberLease<Client>, discarded?: { readonly reason: unknown }): void {
    if (!lease.finish()) return
    const { member } = lease
    const stock = this.#stock
    member.usedAt = this.#clock.now()
    if (discarded) {
      const { reason } = discarded
      stock.discard(
        member,
        'discarded',
        reason === undefined ? 'its borrower discarded it' : thrownText(reason),
      )
    } else if (this.#drain) stock.close(member, this.#drain.reason)
    else if (!member.isReady) stock.discard(member, 'lost', 'it was given back and is not READY')
    else if (member.usedAt >= member.expiresAt) stock.discard(member, 'lifetimeExpired', 'it is too old')
    else {
      stock.rest(member)
      // As many members as before: with nobody to serve there is nothing to balance.
      if (this.#queue.size === 0) {
        this.#announce()
        return
      }
    }
    this.#balance()
  }

  get #clock(): Clock {
    return this.#environment.clock
  }

  /** Callers for whom nothing is being made ready. */
  get #unserved(): number {
    return this.#queue.size - this.#stock.roster.claims
  }

  #wait(waiter: Waiter<Client>, { timeout = this.#settings.acquireTimeout, signal }: AcquireOptions): void {
    const { maxWaiters } = this.#settings
    const limits = { timeout, ...(signal && { signal }) }
    this.#queue.add(waiter, limits, {
      timeout: () =>
        this.#giveUp(waiter, 'timeouts', this.#exhausted(`no member was free within ${timeout} ms`, waiter)),
      abort: cause => this.#giveUp(waiter, 'cancelled', givenUp(this.label, cause)),
    })
    this.#balance()
    if (!this.#queue.has(waiter) || waiter.pledge || this.#unserved <= maxWaiters) return
    this.#giveUp(waiter, 'refused', this.#exhausted(`${maxWaiters} callers wait already`, waiter))
  }

  /** Gives what is free to those who wait, longest wait first, and keeps the least number of members. */
  #balance(): void {
    if (this.#drain) {
      if (this.#stock.roster.size === 0) this.#drain.finish()
      return
    }
    this.#serve()
    this.#stock.refill()
    this.#announce()
  }

  #serve(): void {
    if (this.#stock.validates) this.#inspect()
    else while (this.#queue.size > 0 && this.#lendFreshest());
    // Thousands may wait, most often for a place: then nobody has to be looked at.
    if (this.#unserved === 0 || !(this.#stock.hasRoom || this.#stock.roster.unclaimed)) return
    for (const waiter of this.#queue) {
      if (waiter.pledge) continue
      const { unclaimed } = this.#stock.roster
      if (unclaimed) this.#stock.roster.claim(unclaimed, waiter)
      else if (!this.#stock.hasRoom) return
      else if (!waiter.isBackingOff) this.#stock.create(waiter)
    }
  }

  /** Looks at idle members for those who wait: whoever has one created until now, lets go of that one. */
  #inspect(): void {
    const { roster } = this.#stock
    for (const waiter of this.#queue) {
      const { freshest } = roster
      if (!freshest) return
      if (waiter.pledge?.place === 'validating') continue
      roster.disclaim(waiter)
      this.#stock.inspect(freshest, waiter)
    }
  }

  #lendFreshest(): boolean {
    const { freshest } = this.#stock.roster
    if (freshest) this.#offer(freshest)
    return freshest !== undefined
  }

  /** Lends a member that is fit for it to whoever has waited longest, or lays it by. */
  #offer(member: Member<Client>): void {
    const { first } = this.#queue
    if (first) this.#lend(member, first)
    else this.#stock.rest(member)
  }

  #lend(member: Member<Client>, waiter: Waiter<Client>): void {
    const now = this.#clock.now()
    this.#leave(waiter)
    waiter.serve(this.#borrow(member, waiter.holder, now))
    this.#waits.add(now - waiter.since)
  }

  /** What lies idle goes to a caller for whom nobody has to wait: neither the caller itself, nor others before it. */
  #lendAtOnce(holder: string | undefined): MemberLease<Client> | undefined {
    const { freshest } = this.#stock.roster
    if (!freshest || this.#stock.validates || this.#queue.size > 0) return undefined
    const lease = this.#borrow(freshest, holder, this.#clock.now())
    this.#waits.add(0)
    this.#announce()
    return lease
  }

  #borrow(member: Member<Client>, holder: string | undefined, since: number): MemberLease<Client> {
    const lease = new MemberLease(this, member, { since, holder })
    this.#stock.lend(member, lease)
    this.#counters.borrows += 1
    return lease
  }

  #leave(waiter: Waiter<Client>): void {
    this.#queue.remove(waiter)
    this.#stock.roster.disclaim(waiter)
  }

  #giveUp(waiter: Waiter<Client>, counter: keyof PoolCounters, error: ExovisorError): void {
    this.#counters[counter] += 1
    this.#leave(waiter)
    waiter.refuse(error)
    this.#balance()
  }

  /** A member could not be created for this caller: it gets another try, or the reason. */
  #charge(waiter: Waiter<Client>, error: ExovisorError): void {
    waiter.failures += 1
    waiter.lastError = error
    if (waiter.failures >= this.#settings.createAttempts || !error.retryable) {
      this.#leave(waiter)
      waiter.refuse(error)
      return
    }
    const delay = retryDelay(this.#settings, waiter.failures, this.#environment.random)
    waiter.cancelRetry()
    waiter.isBackingOff = true
    waiter.cancelRetry = schedule(this.#clock, delay, () => {
      waiter.isBackingOff = false
      this.#balance()
    })
  }

  #beginDrain(reason: string): Drain {
    const closed = poolClosed(this.label, reason)
    const drain = new Drain(reason, this.#clock, this.#settings.drainTimeout, () =>
      this.#stock.revokeAll(closed),
    )
    this.#drain = drain
    this.#cancelShow()
    this.#self.send({ type: 'drain.began' })
    this.#stock.retire(reason)
    this.#queue.clear(closed)
    this.#balance()
    return drain
  }

  /**
   * Shows in the machine how much of the pool is in use: at the next turn of the event loop, and then for a while not again, since an event,
   * and even a turn of its own, costs more than a borrow.
   */
  #announce(): void {
    if (this.#isAnnouncing || this.#load === this.#shownLoad) return
    this.#isAnnouncing = true
    const show = (): void => this.#show()
    const pause = this.#lookedAt + SHOW_PAUSE_MS - this.#clock.now()
    if (pause > 0) this.#cancelShow = schedule(this.#clock, pause, show)
    else this.#clock.nextTurn(show)
  }

  #show(): void {
    this.#isAnnouncing = false
    this.#lookedAt = this.#clock.now()
    const load = this.#load
    if (this.#drain || load === this.#shownLoad) return
    this.#shownLoad = load
    this.#self.send({ type: load })
  }

  get #load(): PoolEvent['type'] {
    if (this.#unserved > 0 && !this.#stock.hasRoom) return 'load.full'
    return this.#queue.size > 0 || this.#stock.roster.count('borrowed') > 0 ? 'load.some' : 'load.none'
  }

  #refusal({ timeout, signal }: AcquireOptions): ExovisorError | undefined {
    if (this.#drain) return poolClosed(this.label, this.#drain.reason)
    if (timeout !== undefined && !isTime(timeout)) return wrongTimeout(this.label, timeout)
    return signal?.aborted ? givenUp(this.label, signal.reason) : undefined
  }

  #exhausted(why: string, waiter: Waiter<Client>): ExovisorError {
    return exhausted(this.label, why, this.#stock.roster, {
      max: this.#settings.max,
      now: this.#clock.now(),
      cause: waiter.lastError ?? this.#stock.lastError,
    })
  }
}
