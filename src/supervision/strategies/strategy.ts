import type { Clock } from '../../concurrency/clock.ts'
import type { ExovisorError } from '../../errors.ts'
import type { Child } from '../child.ts'
import type { RestartType } from '../policy.ts'

/** What a strategy may know of the supervisor, and do to it. */
export interface StrategyHost {
  readonly clock: Clock
  /** All children, in the order of their start. */
  readonly members: readonly Child[]
  /** Spends one unit of the restart intensity, or is false when none is left. */
  acceptRestart(child: Child): boolean
  /** The intensity is spent: the child is given up and the supervisor fails. */
  giveUp(child: Child, failure: ExovisorError | undefined): void
  /** The child will not come back. */
  retire(child: Child, failure: ExovisorError | undefined): void
  /** Stops a child for good: it is not known any more, unless a later command has started it again. */
  stopAndForget(child: Child, reason: string): Promise<void>
  /** Runs something after what the supervisor is doing now, unless it is closing by then. */
  post(message: () => void): void
}

/** Decides what follows when a child has ended by itself and is CLOSED. One for each incarnation of a supervisor. */
export interface Strategy {
  /** No failure means the normal end. */
  ended(child: Child, failure: ExovisorError | undefined): void
  /** Runs the first start of a child, or of several, as soon as the strategy is not starting children itself. */
  admit<T>(start: () => Promise<T>): Promise<T>
  /** The supervisor is closing: nothing is to follow any more. */
  cease(): void
}

/** Whether a child of that type is restarted after a failure, or after a normal end. As in OTP. */
export function isRestarted(type: RestartType, failed: boolean): boolean {
  return type === 'permanent' || (type === 'transient' && failed)
}
