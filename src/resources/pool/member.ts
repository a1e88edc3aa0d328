import type { MachineActor } from '../../actors/machine-actor.ts'
import { detach } from '../../concurrency/detach.ts'
import type { ExovisorError } from '../../errors.ts'
import { defaultTiming, type Environment, type Timing } from '../environment.ts'
import { Incarnation, type IncarnationChange } from '../incarnation.ts'
import type { ResourceDefinition } from '../types.ts'
import type { MemberLease } from './lease.ts'
import type { Waiter } from './waiter.ts'

/** Where a member stands in its pool. */
export type Place = 'creating' | 'idle' | 'validating' | 'borrowed' | 'closing'

/** What a pool hears of its members. */
interface MemberListener<Client> {
  changed(member: Member<Client>, change: IncarnationChange): void
  cleanupFailed(error: ExovisorError): void
}

/** What all members of a pool have in common. */
export interface MemberKind<Client> {
  readonly definition: ResourceDefinition<never, Client, never>
  readonly input: unknown
  readonly environment: Environment
  readonly timing: Partial<Timing> | undefined
  readonly parent: MachineActor
  readonly listener: MemberListener<Client>
}

/** One resource in a pool: a single incarnation, since a member that ends is replaced and not restarted. */
export class Member<Client> {
  readonly name: string
  readonly #incarnation: Incarnation<never, Client, never>
  place: Place = 'creating'
  /** The caller for whom it is being created or validated. */
  waiter: Waiter<Client> | undefined
  lease: MemberLease<Client> | undefined
  /** True once it was READY. */
  isMade = false
  /** The clock's time of its last use. */
  usedAt = 0
  expiresAt = Number.POSITIVE_INFINITY
  /** Ends a validation under way. */
  cancelValidation = (): void => undefined

  constructor(name: string, kind: MemberKind<Client>) {
    this.name = name
    this.#incarnation = new Incarnation<never, Client, never>({
      definition: kind.definition,
      name,
      number: 1,
      attempt: 0,
      // The pool's definition keeps input and definition together; here they meet again.
      input: kind.input as never,
      environment: kind.environment,
      timing: { ...defaultTiming, ...definedFields(kind.timing) },
      parent: kind.parent,
      listener: {
        changed: change => kind.listener.changed(this, change),
        cleanupFailed: error => kind.listener.cleanupFailed(error),
      },
    })
  }

  get label(): string {
    return this.#incarnation.label
  }

  get isReady(): boolean {
    return this.#incarnation.state === 'READY'
  }

  /** The client, while READY or DEGRADED. */
  get client(): Client {
    return this.#incarnation.client as Client
  }

  start(): void {
    this.#incarnation.start()
  }

  close(reason: string): void {
    detach(this.#incarnation.close(reason))
  }
}

function definedFields<Fields extends object>(fields: Fields | undefined): Partial<Fields> {
  return Object.fromEntries(
    Object.entries(fields ?? {}).filter(([, value]) => value !== undefined),
  ) as Partial<Fields>
}
