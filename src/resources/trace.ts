import type { LifecycleState } from '../../machines/lifecycle.ts'
import type { DeadLetterReason } from '../actors/dead-letters.ts'
import type { ErrorRecord } from '../errors.ts'

/** One thing that happened to a resource that is traced. Plain data. */
export type TraceEvent = TraceMoment & (MessageTrace | TransitionTrace | StateTrace)

interface TraceMoment {
  /** The clock's time, in milliseconds. */
  readonly at: number
  readonly incarnation: number
}

interface MessageTrace {
  /**
   * `delivered`: the handler gets it. `answered`: an ask has its answer. `handled`: the handler is done with a message that
   * was only told. `failed`: the handler threw. `late_answer`: the answer to an ask came after its incarnation had ended.
   */
  readonly type: 'delivered' | 'answered' | 'handled' | 'failed' | 'late_answer' | 'dead_letter'
  /** The shape of the message and the beginning of what it holds: at most 200 characters. */
  readonly message: string
  /** The path of the resource whose handler sent it, where that one was traced too. */
  readonly from?: string
  /** For failed, and for a late answer that is an error. */
  readonly error?: ErrorRecord
  /** For dead_letter. */
  readonly reason?: DeadLetterReason
}

/** Its machine took a transition, perhaps between nested states. */
interface TransitionTrace {
  readonly type: 'transition'
  /** The type of the event that was taken. */
  readonly event: string
  /** The machine's state values before and after. */
  readonly from: unknown
  readonly to: unknown
}

interface StateTrace {
  readonly type: 'state'
  readonly state: LifecycleState
  readonly previous: LifecycleState
  /** Why, for a change to DEGRADED or ERROR. */
  readonly error?: ErrorRecord
}
