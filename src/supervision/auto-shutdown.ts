import type { Clock } from '../concurrency/clock.ts'
import type { Child } from './child.ts'
import type { SupervisorInput } from './types.ts'

/** What the decision about the end of a significant child needs of its supervisor. */
interface Ending {
  readonly input: SupervisorInput
  readonly members: readonly Child[]
  readonly clock: Clock
  readonly isStopping: boolean
  /** Ends the supervisor in the normal way. */
  endFor(child: Child): void
}

/** Whether the end of a significant child ends its supervisor. As OTP's auto_shutdown: only its own end counts, not that somebody stopped it. */
export class AutoShutdown {
  readonly #supervisor: Ending
  /** Those that ended while others had not started yet; undefined after that. */
  #early: Child[] | undefined = []
  #hasHappened = false

  constructor(supervisor: Ending) {
    this.#supervisor = supervisor
  }

  /** True when the end of a significant child has ended the supervisor. */
  get hasHappened(): boolean {
    return this.#hasHappened
  }

  /** A significant child has ended for good, by itself. */
  ended(child: Child): void {
    if (this.#early) {
      this.#early.push(child)
      return
    }
    const { input, members } = this.#supervisor
    const { autoShutdown = 'never' } = input
    const isLast = (): boolean =>
      members.every(other => other === child || !other.spec.significant || other.isGone)
    if (autoShutdown === 'never' || (autoShutdown === 'all_significant' && !isLast())) return
    this.#hasHappened = true
    child.emit({ type: 'auto_shutdown', reason: autoShutdown })
    this.#supervisor.endFor(child)
  }

  /** As in OTP a supervisor starts all of its children before it hears of an end. It is READY at the next turn. */
  judgeEarly(): void {
    const early = this.#early ?? []
    this.#early = undefined
    if (early.length === 0) return
    const { clock } = this.#supervisor
    clock.nextTurn(() => {
      for (const child of early) if (child.isGone && !this.#supervisor.isStopping) this.ended(child)
    })
  }
}
