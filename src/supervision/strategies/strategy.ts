import type { ExovisorError } from '../../errors.ts'
import type { Child } from '../child.ts'

/** What a strategy may do to the supervisor. */
export interface StrategyHost {
  /** Spends one unit of the restart intensity, or is false when none is left. */
  acceptRestart(child: Child): boolean
  /** The intensity is spent: the child is given up and the supervisor fails. */
  giveUp(child: Child, failure: ExovisorError | undefined): void
  /** The child will not come back. */
  retire(child: Child, failure: ExovisorError | undefined): void
}

/** Decides what follows when a child has ended by itself and is CLOSED. */
export interface Strategy {
  /** No failure means the normal end. */
  ended(child: Child, failure: ExovisorError | undefined, host: StrategyHost): void
}
