import type { DeadLetter } from '../actors/dead-letters.ts'
import type { MachineActor } from '../actors/machine-actor.ts'
import { ExovisorError } from '../errors.ts'
import { Owned } from './create.ts'
import type { Environment } from './environment.ts'
import type { AddedMember, MemberSnapshot } from './group-types.ts'
import type { AnyResourceDefinition } from './types.ts'

/** What the resources of a group share. */
export interface MemberSurroundings {
  readonly environment: Environment
  readonly parent?: MachineActor | undefined
  onDeadLetter?(letter: DeadLetter): void
}

/** One resource of a group. */
export class Member {
  readonly name: string
  readonly definition: AnyResourceDefinition
  readonly dependsOn: readonly string[]
  readonly resource: Owned<unknown, unknown, unknown>
  /** True once it counts for the state of the group. */
  hasJoined = false
  /** True from the moment it is to be removed. */
  isLeaving = false

  constructor(
    spec: AddedMember<unknown, unknown, unknown>,
    { environment, parent, onDeadLetter }: MemberSurroundings,
  ) {
    const { resource: definition, dependsOn = [], ...options } = spec
    this.name = spec.name
    this.definition = definition
    this.dependsOn = [...dependsOn]
    this.resource = new Owned(
      definition,
      { ...options, ...environment, ...(onDeadLetter && { onDeadLetter }) },
      parent,
    )
  }

  get isWorking(): boolean {
    return this.resource.state === 'READY' || this.resource.state === 'DEGRADED'
  }

  /** True when it was READY or tried to be, and is no longer. */
  get isLost(): boolean {
    return ['ERROR', 'CLOSING', 'CLOSED'].includes(this.resource.state)
  }

  /** Why it is lost or DEGRADED. */
  get trouble(): ExovisorError {
    const { failure, label } = this.resource
    return failure ?? new ExovisorError('EXO_RESOURCE_CLOSED', `${label} has ended by itself`)
  }

  snapshot(): MemberSnapshot {
    return { ...this.resource.snapshot(), dependsOn: this.dependsOn }
  }
}
