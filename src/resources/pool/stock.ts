import { ExovisorError, thrownText, toErrorRecord } from '../../errors.ts'
import type { Environment } from '../environment.ts'
import { defaultHealth } from '../health.ts'
import type { IncarnationChange } from '../incarnation.ts'
import { aboutResource } from '../log.ts'
import { ownerOf } from '../self.ts'
import type { ResourceDefinition, ResourceSelf } from '../types.ts'
import { reportAbandoned } from './abandoned.ts'
import type { MemberLease } from './lease.ts'
import { Member, type MemberKind } from './member.ts'
import type { PoolSettings } from './options.ts'
import { Refill } from './refill.ts'
import { Roster } from './roster.ts'
import type { PoolCounters } from './statistics.ts'
import { Sweeper } from './sweeper.ts'
import { type Validation, validated } from './validation.ts'
import type { Waiter } from './waiter.ts'

/** What a pool is made of. */
export interface PoolParts<Client> {
  readonly definition: ResourceDefinition<never, Client, never>
  /** What each member gets. */
  readonly input: unknown
  readonly settings: PoolSettings<Client>
  /** The pool as a resource. */
  readonly self: ResourceSelf
}

/** What the lending side of a pool hears of its members. */
interface StockListener<Client> {
  /** A member is fit to be lent. */
  fit(member: Member<Client>): void
  /** A member could not be created for that caller. */
  unmade(waiter: Waiter<Client>, error: ExovisorError): void
  /** Something is different: perhaps there is a place, or a caller without a claim. Told after each of the others. */
  moved(): void
}

/** The members of a pool: creates, validates, watches and closes them. Who gets them is none of its business. */
export class Stock<Client> {
  readonly roster = new Roster<Client>()
  readonly #settings: PoolSettings<Client>
  readonly #name: string
  readonly #environment: Environment
  readonly #counters: PoolCounters
  readonly #listener: StockListener<Client>
  readonly #kind: MemberKind<Client>
  readonly #validation: Validation<Client> | undefined
  readonly #sweeper: Sweeper<Client>
  readonly #refill: Refill
  #serial = 0

  constructor(parts: PoolParts<Client>, counters: PoolCounters, listener: StockListener<Client>) {
    const { definition, input, settings, self } = parts
    const { actor, environment } = ownerOf(self)
    const { clock } = environment
    const { name, incarnation } = self
    const log = aboutResource(environment, { kind: 'pool', name, incarnation })
    const validate = settings.validate ?? definition.checkHealth?.bind(definition)
    const { timeout } = settings.timing?.health ?? defaultHealth
    this.#settings = settings
    this.#name = self.name
    this.#environment = { ...environment, log }
    this.#counters = counters
    this.#listener = listener
    this.#validation = validate ? { validate, timeout, clock } : undefined
    this.#refill = new Refill(settings, environment, () => this.#listener.moved())
    this.#sweeper = new Sweeper(clock, settings, this.roster, {
      expired: (member, why) => this.discard(member, why, 'it is too old, or nobody used it'),
      abandoned: (member, lease) => this.#abandoned(member, lease),
    })
    const ownListener = {
      changed: (member: Member<Client>, change: IncarnationChange) => this.#changed(member, change),
      cleanupFailed: (error: ExovisorError) => {
        counters.closeFailures += 1
        log.error({ error: toErrorRecord(error) }, error.message)
      },
    }
    const { timing } = settings
    this.#kind = { definition, input, environment, timing, parent: actor, listener: ownListener }
  }

  /** Whether there is a place for another member. */
  get hasRoom(): boolean {
    return this.roster.size < this.#settings.max
  }

  /** Whether idle members are looked at before they are lent. */
  get validates(): boolean {
    return this.#validation !== undefined
  }

  /** Why the last creation failed, until one succeeds. */
  get lastError(): ExovisorError | undefined {
    return this.#refill.lastError
  }

  /** Resolves when the least number of members is there; rejects with the reason of the first that could not be created. */
  async fill(signal: AbortSignal): Promise<void> {
    if (this.#settings.min === 0) return
    const filled = this.#refill.first(signal)
    this.refill()
    await filled
  }

  /** Creates what is missing of the least number of members, unless that failed a moment ago. */
  refill(): void {
    const { min } = this.#settings
    while (this.#refill.isAllowed && this.roster.living < min && this.hasRoom) this.create()
  }

  /** Creates a member, for a caller or for nobody in particular. */
  create(waiter?: Waiter<Client>): void {
    this.#serial += 1
    const member = new Member<Client>(`${this.#name}/${this.#serial}`, this.#kind)
    this.roster.add(member, waiter)
    member.start()
  }

  /** Looks at an idle member, for a caller, before it is lent. */
  inspect(member: Member<Client>, waiter: Waiter<Client>): void {
    if (!this.#validation) return
    this.roster.move(member, 'validating')
    this.roster.claim(member, waiter)
    validated(member, this.#validation).then(
      () => {
        if (member.place !== 'validating') return
        this.#listener.fit(member)
        this.#listener.moved()
      },
      error => {
        if (member.place !== 'validating') return
        this.discard(member, 'validationFailures', `it was not fit to be lent: ${thrownText(error)}`)
        this.#listener.moved()
      },
    )
  }

  /** Lays a member by. */
  rest(member: Member<Client>): void {
    member.lease = undefined
    this.roster.move(member, 'idle')
    this.#sweeper.watch(member)
  }

  /** A member goes out. */
  lend(member: Member<Client>, lease: MemberLease<Client>): void {
    this.roster.move(member, 'borrowed')
    member.lease = lease
    this.#sweeper.watch(member)
  }

  /** Closes a member and counts why. */
  discard(member: Member<Client>, counter: keyof PoolCounters, reason: string): void {
    this.#counters[counter] += 1
    this.close(member, reason)
  }

  close(member: Member<Client>, reason: string): void {
    member.cancelValidation()
    member.lease = undefined
    this.roster.move(member, 'closing')
    member.close(reason)
  }

  /** Closes what is not borrowed, and creates nothing by itself any more. */
  retire(reason: string): void {
    this.#sweeper.stop()
    this.#refill.stop()
    for (const member of [...this.roster]) {
      if (member.place !== 'borrowed' && member.place !== 'closing') this.close(member, reason)
    }
  }

  /** Takes all that is borrowed away from its holders. */
  revokeAll(reason: ExovisorError): void {
    for (const member of [...this.roster]) if (member.lease) this.#revoke(member, reason)
  }

  #revoke(member: Member<Client>, reason: ExovisorError): void {
    const { lease } = member
    this.close(member, reason.message)
    lease?.revoke(reason)
  }

  #abandoned(member: Member<Client>, lease: MemberLease<Client>): void {
    const { onAbandoned } = this.#settings
    this.#counters.abandoned += 1
    this.#revoke(member, reportAbandoned(this.#name, lease, this.#environment, onAbandoned))
  }

  #changed(member: Member<Client>, { state, error }: IncarnationChange): void {
    if (state === 'CLOSED') this.#gone(member)
    else if (member.place === 'closing') return
    else if (state === 'READY') this.#made(member)
    else if (state === 'ERROR' || state === 'CLOSING') this.#failed(member, error)
    else if (state === 'DEGRADED' && member.place !== 'borrowed') this.#failed(member, error)
  }

  #made(member: Member<Client>): void {
    if (member.isMade) return
    const { maxLifetime, lifetimeJitter, min } = this.#settings
    const { clock, random } = this.#environment
    member.isMade = true
    member.usedAt = clock.now()
    member.expiresAt = member.usedAt + maxLifetime * (1 - lifetimeJitter * random())
    this.#counters.created += 1
    this.#refill.succeeded()
    this.#listener.fit(member)
    this.#listener.moved()
    if (this.roster.living - this.roster.count('creating') >= min) this.#refill.filled()
  }

  /** A member has failed, or ended by itself. */
  #failed(member: Member<Client>, cause: ExovisorError | undefined): void {
    const { waiter, lease } = member
    const error = cause ?? new ExovisorError('EXO_RESOURCE_CLOSED', `${member.label} ended by itself`)
    this.discard(member, member.isMade ? 'lost' : 'createFailures', 'it has failed')
    if (!member.isMade) {
      this.#refill.failed(error)
      if (waiter) this.#listener.unmade(waiter, error)
    }
    lease?.revoke(error)
    this.#listener.moved()
  }

  #gone(member: Member<Client>): void {
    if (member.place !== 'closing') this.#failed(member, undefined)
    this.roster.remove(member)
    if (member.isMade) this.#counters.destroyed += 1
    this.#listener.moved()
  }
}
