import { lifecycleEvents } from '../../machines/lifecycle.ts'
import type { MachineActor, MachineEvent } from '../actors/machine-actor.ts'
import { ExovisorError } from '../errors.ts'
import type { Environment } from './environment.ts'
import type { ResourceSelf } from './types.ts'

/** What stands behind a {@link ResourceSelf}. */
interface Owner {
  readonly name: string
  readonly number: number
  readonly actor: MachineActor
  readonly environment: Environment
  /** Aborted, at once, when READY and DEGRADED are over. */
  readonly work: AbortSignal
  degrade(reason: unknown): void
  recovered(): void
  fail(error: unknown): void
  end(reason: string): void
  ignore(reason: string): void
  send(event: MachineEvent): void
}

/**
 * The face that an incarnation shows to its own effects. Each method is made when it is asked for, so that it can be passed on alone
 * and yet costs nothing where nobody asks.
 */
export class Self implements ResourceSelf {
  readonly #owner: Owner

  constructor(owner: Owner) {
    this.#owner = owner
  }

  get name(): string {
    return this.#owner.name
  }

  get incarnation(): number {
    return this.#owner.number
  }

  get degrade(): (reason: unknown) => void {
    return reason => this.#owner.degrade(reason)
  }

  get recovered(): () => void {
    return () => this.#owner.recovered()
  }

  get fail(): (error: unknown) => void {
    return error => this.#owner.fail(error)
  }

  get end(): (reason?: string) => void {
    return (reason = 'it has done its work') => this.#owner.end(reason)
  }

  get ignore(): (reason?: string) => void {
    return (reason = 'it is not wanted') => this.#owner.ignore(reason)
  }

  get send(): (event: MachineEvent) => void {
    return event => this.#owner.send(event)
  }

  /** See {@link ownerOf}. */
  static owner(self: ResourceSelf): Owner {
    if (#owner in self) return self.#owner
    throw new TypeError(`${self.name} is not the self of an incarnation`)
  }
}

/** The actor and the environment of an incarnation: for resources that have resources of their own, i.e. supervisors. */
export function ownerOf(self: ResourceSelf): Pick<Owner, 'actor' | 'environment' | 'work'> {
  return Self.owner(self)
}

/**
 * Refuses an event that is not a resource's to send itself.
 * @throws EXO_MESSAGE_UNHANDLED
 */
export function refuseLifecycle({ type }: MachineEvent, label: string): void {
  if (!(lifecycleEvents as readonly string[]).includes(type) && !type.startsWith('xstate.')) return
  throw new ExovisorError(
    'EXO_MESSAGE_UNHANDLED',
    `${label} sent itself ${type}, which only the runtime may send; expected an event of its own machine`,
  )
}
