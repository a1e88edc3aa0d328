import type { MachineActor } from '../actors/machine-actor.ts'
import type { Deferred } from '../concurrency/deferred.ts'
import type { CancelTimer } from '../concurrency/timer.ts'
import type { ExovisorError } from '../errors.ts'
import type { Environment } from '../resources/environment.ts'
import type { Child } from './child.ts'
import type { EventFacts } from './events/event.ts'
import type { Prerequisites } from './prerequisites.ts'
import type { StartGate } from './start-gate.ts'

/** A first start that has not ended. */
export interface FirstStart extends Deferred<void> {
  /** True while it waits for what comes before it. */
  isPromised: boolean
}

/** What a child needs of its supervisor. */
export interface ChildHost {
  readonly environment: Environment
  readonly actor: MachineActor
  readonly gate: StartGate
  /** What a first start waits for. */
  readonly prerequisites: Prerequisites
  /** Where the supervisor stands in the tree, e.g. `node/peers`. */
  readonly path: string
  /** True when it closes, and nothing is to follow any more. */
  readonly isStopping: boolean
  emit(child: Child, event: EventFacts): void
  /** The number of a command to one of its children: each is greater than the one before. */
  nextCommand(): number
  /** An incarnation ended, and nobody had told it to. No failure means the normal end. */
  ended(child: Child, failure: ExovisorError | undefined): void
  /** An incarnation found, while it initialised, that it is not wanted. */
  ignored(child: Child, reason: string): void
  /** What it starts after went down while it waited for a place among those that start: it waits for that again. */
  turnedBack(child: Child): void
  /** Runs something after what the supervisor is doing now and so many milliseconds, unless it is cancelled or the supervisor closes. */
  after(ms: number, message: () => void): CancelTimer
  /** A child has ended and is to come back; or it has come back, or never will. */
  restarting(child: Child, began: boolean): void
}
