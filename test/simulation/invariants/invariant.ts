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

/** A call of `spawn`. */
export interface Spawn {
  readonly branch: Post
  /** The id that was asked for, if one was. */
  readonly id: string | undefined
  /** Who was there when it was called. */
  readonly known: readonly string[]
  /** How many there may be. */
  readonly most: number
  /** Who was spawned, or the code of the error. */
  name: string | undefined
  code: string | undefined
}

/** A call of `reload`, in which nothing else was done. */
export interface Reload {
  readonly branch: Post
  readonly isTaken: boolean
  /** The ids that it names. */
  readonly given: readonly string[]
  readonly before: readonly Shown[]
  readonly after: readonly Shown[]
}

interface Shown {
  readonly id: string
  readonly life: string
  readonly spec: string
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
  /** A call of `spawn` has returned, its promise open; `now` are the children that there are. */
  spawns?(spawn: Spawn, now: readonly string[], facts: Facts): Finding
  /** The promise of a `spawn` has settled. */
  spawned?(spawn: Spawn, facts: Facts): Finding
  /** A call of `reload` has returned or thrown. */
  reloads?(reload: Reload, facts: Facts): Finding
  /** A step is over: everything that waits for no timer has run. */
  rests?(facts: Facts): Finding
  /** The faults have ceased for long enough. */
  converged?(facts: Facts): Finding
  /** The tree is CLOSED and all that was left behind has ended. */
  ends?(facts: Facts): Finding
}
