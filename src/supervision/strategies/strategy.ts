import type { CancelTimer } from '../../concurrency/timer.ts'
import type { ExovisorError } from '../../errors.ts'
import type { Child } from '../child.ts'
import type { DependencyGraph } from '../dependency-graph.ts'

/** What a strategy may know of the supervisor, and do to it. */
export interface StrategyHost {
  /** All children, in the order of their start. */
  readonly members: readonly Child[]
  readonly dependencies: DependencyGraph
  member(id: string): Child | undefined
  /** Those that need a child, directly or not, the last started first. */
  requirersOf(child: Child): readonly Child[]
  /** Spends one unit of the restart intensity; false when none is left, or when the failure is to be escalated. */
  acceptRestart(child: Child): boolean
  /** The intensity is spent: the child is given up, and the supervisor fails unless the child has a circuit. */
  giveUp(child: Child, failure: ExovisorError | undefined): void
  /** The child will not come back. */
  retire(child: Child, failure: ExovisorError | undefined): void
  /** Stops a child for good: it is not known any more, unless somebody starts it again meanwhile. */
  stopAndForget(child: Child, reason: string): Promise<void>
  /** Stops children one after the other, in the order given. Those that do not come back by their type are forgotten. */
  stopInTurn(children: readonly Child[], reason: (child: Child) => string): Promise<void>
  /** Runs something after what the supervisor is doing now, unless it is closing by then. */
  post(message: () => void): void
  /** The same after so many milliseconds, unless it is cancelled. */
  after(ms: number, message: () => void): CancelTimer
}

/** An end that is not dealt with yet. */
export interface End {
  readonly child: Child
  /** Undefined for the normal end. */
  readonly failure: ExovisorError | undefined
  /** The last command in the supervisor when it came: whatever was told later, to this child or to another one, is stronger. */
  readonly after: number
}

/** True for the end of a child that was told something after it. */
export const isOvertaken = ({ child, after }: End): boolean => child.command > after

/** Decides what follows when a child has ended by itself and is CLOSED. One for each incarnation of a supervisor. */
export interface Strategy {
  /** True while children wait for a restart that only this strategy knows of. */
  readonly isBusy: boolean
  ended(end: End): void
  /** Runs the first start of a child, or of several, as soon as the strategy is not starting children itself. */
  admit<T>(start: () => Promise<T>): Promise<T>
  /** Stops those that are to be restarted together with a child that was told to restart. They come back when it is READY. */
  holdWith?(child: Child): Promise<void>
  /** A child has changed its state, or was told something by hand. */
  changed?(): void
  /** The supervisor is closing: nothing is to follow any more. */
  cease(): void
}

/**
 * Whether a child comes back after a failure, or after a normal end: by its restart type, as in OTP, unless its policy says of
 * such a failure that it is to stop, or that the supervisor is to decide.
 */
export function comesBack(child: Child, failure: ExovisorError | undefined): boolean {
  if (failure && child.directive === 'stop') return false
  if (failure && child.directive === 'escalate') return true
  const { restart } = child.policy
  return restart === 'permanent' || (restart === 'transient' && failure !== undefined)
}
