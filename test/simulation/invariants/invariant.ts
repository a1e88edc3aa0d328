import type { Registry } from '../../../src/resources/registry.ts'
import type { StateChange } from '../../../src/resources/types.ts'
import type { ChildSnapshot, SupervisionEvent } from '../../../src/supervision/types.ts'
import type { Ledger, Life, Post, Sent } from '../ledger.ts'

/** What an invariant may look at. */
export interface Facts {
  readonly ledger: Ledger
  /** The true time, by which timers fire. */
  readonly time: number
  /** The time that the kernel reads. */
  readonly reading: number
  /** The reading of the clock has jumped at least once. */
  readonly hasSkewed: boolean
  /** Timers have fired late at least once. */
  readonly hasHung: boolean
  /** Timers that are armed, save the world's own. */
  readonly kernelTimers: number
  /** Work that was posted and not done yet. */
  readonly posted: number
  /** Listeners on the signals that callers gave and never took back. */
  readonly listeners: number
  /** Faults that nobody caught: rejections, throws in timers and in posted work. */
  readonly faults: readonly string[]
  readonly registry: Registry
  /** The children as the supervisor itself shows them; undefined while it is not READY. */
  shown(branch: Post): readonly ChildSnapshot[] | undefined
}

/** Says what is wrong, or nothing. */
export type Finding = string | undefined

/** A promise of the kernel that is checked whenever it could be broken. Each check comes before the ledger takes note. */
export interface Invariant {
  readonly name: string
  readonly promise: string
  /** `initialize` of a leaf is called. */
  begins?(life: Life, facts: Facts): Finding
  /** `cleanup` of a leaf is called. */
  cleans?(life: Life, facts: Facts): Finding
  hears?(event: SupervisionEvent, post: Post, facts: Facts): Finding
  changes?(change: StateChange, post: Post, facts: Facts): Finding
  /** A handler gets a message. */
  handles?(sent: Sent, life: Life, facts: Facts): Finding
  /** A health check or a soft restart begins. */
  examines?(life: Life, facts: Facts, what: 'check' | 'soft restart'): Finding
  /** A step is over: everything that waits for no timer has run. */
  rests?(facts: Facts): Finding
  /** The faults have ceased for long enough. */
  converged?(facts: Facts): Finding
  /** The tree is CLOSED and all that was left behind has ended. */
  ends?(facts: Facts): Finding
}
