import type { DeadLetters } from '../actors/dead-letters.ts'
import type { ActorFactory } from '../actors/machine-actor.ts'
import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import type { TaskRegistry } from '../concurrency/task-registry.ts'
import type { HealthPolicy } from './health.ts'
import { defaultHealth } from './health.ts'
import type { ResourceLog } from './log.ts'
import type { Registry } from './registry.ts'

/** What a resource takes from the world instead of reaching for it. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly log: ResourceLog
  /** Runs what follows from an end or a message, one thing after the other. */
  readonly scheduler: Scheduler
  /** Makes the actor of each incarnation. Default: `createMachineActor`. */
  readonly createActor?: ActorFactory
  /** Where the mailboxes note what nobody handled. */
  readonly deadLetters?: DeadLetters
  /** Where supervisors send their structured events: to the supervisor above them, or to what the runtime does with all of them. */
  readonly events?: EventSink
  /** The path of the supervisor that the resource belongs to; a root has none. */
  readonly path?: string
  /** Knows every resource of the runtime. */
  readonly registry?: Registry
  /** Knows every background task of the runtime. */
  readonly tasks?: TaskRegistry
}

/** Takes structured events. */
export interface EventSink {
  /** False: nobody would do anything with such an event, so that it need not be made. */
  wants(event: { readonly type: string; readonly attempt: number }): boolean
  publish(event: object): void
}

/**
 * How long closing may take: milliseconds, without end, or `kill`: the cleanup gets an aborted signal from the start and one second.
 */
export type ShutdownLimit = number | 'infinity' | 'kill'

/** The limits of one resource. Times in milliseconds. */
export interface Timing {
  /** How long INITIALIZING may take; infinite is allowed. */
  readonly startTimeout: number
  readonly shutdown: ShutdownLimit
  readonly health: HealthPolicy
}

/** 30 s to start, 5 s to close, a health check every 10 s. */
export const defaultTiming: Timing = { startTimeout: 30_000, shutdown: 5_000, health: defaultHealth }
