import type { MachineActor, MachineEvent } from '../actors/machine-actor.ts'
import type { CancelScope } from '../concurrency/scope.ts'
import type { Task } from '../concurrency/task.ts'
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
  spawn<T>(name: string, work: (scope: CancelScope) => T | PromiseLike<T>): Task<T>
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

  get spawn(): ResourceSelf['spawn'] {
    return (name, work) => this.#owner.spawn(name, work)
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
