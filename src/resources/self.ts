import type { MachineActor, MachineEvent } from '../actors/machine-actor.ts'
import type { Environment } from './environment.ts'
import type { ResourceSelf } from './types.ts'

/** What stands behind a {@link ResourceSelf}. */
interface Owner {
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

const owners = new WeakMap<ResourceSelf, Owner>()

/** The face that an incarnation shows to its own effects. */
export function createSelf(name: string, owner: Owner): ResourceSelf {
  const self: ResourceSelf = {
    name,
    incarnation: owner.number,
    degrade: reason => owner.degrade(reason),
    recovered: () => owner.recovered(),
    fail: error => owner.fail(error),
    end: (reason = 'it has done its work') => owner.end(reason),
    ignore: (reason = 'it is not wanted') => owner.ignore(reason),
    send: event => owner.send(event),
  }
  owners.set(self, owner)
  return self
}

/** The actor and the environment of an incarnation: for resources that have resources of their own, i.e. supervisors. */
export function ownerOf(self: ResourceSelf): Pick<Owner, 'actor' | 'environment' | 'work'> {
  const owner = owners.get(self)
  if (owner === undefined) throw new TypeError(`${self.name} is not the self of an incarnation`)
  return owner
}
