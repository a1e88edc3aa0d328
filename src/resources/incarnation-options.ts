import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { MachineActor } from '../actors/machine-actor.ts'
import type { ExovisorError } from '../errors.ts'
import type { Environment, Timing } from './environment.ts'
import type { Incarnation } from './incarnation.ts'
import type { ResourceDefinition } from './types.ts'

/** One change of state of one incarnation. */
export interface IncarnationChange {
  readonly state: LifecycleState
  readonly previous: LifecycleState
  /** Why, for a change to DEGRADED or ERROR. */
  readonly error?: ExovisorError
}

/** Who created an incarnation hears this of it, with the incarnation beside, so that one listener can serve many. */
interface IncarnationListener<Input, Client, Message> {
  changed(change: IncarnationChange, incarnation: Incarnation<Input, Client, Message>): void
  /** True: a fault of a READY or DEGRADED incarnation is passed over, and it goes on. */
  resumes?(error: ExovisorError): boolean
  /** True while it is suspended: its health is not asked for. */
  rests?(): boolean
  /** The cleanup threw, or took longer than its time. */
  cleanupFailed(error: ExovisorError, incarnation: Incarnation<Input, Client, Message>): void
}

/** How an incarnation is created. */
export interface IncarnationOptions<Input, Client, Message> {
  readonly definition: ResourceDefinition<Input, Client, Message>
  readonly name: string
  readonly number: number
  readonly attempt: number
  readonly input: Input
  readonly environment: Environment
  readonly timing: Timing
  readonly parent?: MachineActor | undefined
  readonly listener: IncarnationListener<Input, Client, Message>
}
