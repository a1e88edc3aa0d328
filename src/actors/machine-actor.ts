import type { AnyStateMachine } from 'xstate'
import type { Clock } from '../concurrency/clock.ts'
import type { Family } from './family.ts'
import type { InspectionObserver } from './inspection.ts'

/** What the creator of an actor hears of it. */
export interface ActorListener {
  /** After each event that the machine took, with the machine's state value. */
  changed(value: unknown): void
  /** The machine itself threw; the actor is gone. */
  crashed(error: unknown): void
  /** The actor ended: by reaching a final state, or because its parent ended. */
  stopped(): void
}

/** An event for a machine: a type and serialisable facts. */
export interface MachineEvent {
  readonly type: string
  readonly [fact: string]: unknown
}

/** How an actor is created. */
export interface ActorOptions {
  /** Unique among the living children of the parent, e.g. `name#incarnation`. */
  readonly id: string
  readonly input: unknown
  readonly clock: Clock
  /** Without a parent the actor is the root of a system of its own. */
  readonly parent?: MachineActor | undefined
  /** A state to begin with in place of the initial one. */
  readonly from?: { readonly value: unknown; readonly context: unknown } | undefined
  readonly listener: ActorListener
}

/** Is told of a transition that a machine took: the type of the event, and the state values before and after. */
export type TransitionWatcher = (event: string, from: unknown, to: unknown) => void

/**
 * One actor of one machine, whoever interprets the machine: XState, or a table that was made of it.
 * Other rooms see nothing else of either at run time.
 */
export interface MachineActor {
  readonly id: string
  /** The state value, nested states included. */
  readonly value: unknown
  /** The facts that the machine remembers. */
  readonly context: unknown
  /** The actors that were created with this one as their parent. */
  readonly family: Family
  /** True while somebody observes the system that it belongs to. */
  readonly isObserved: boolean
  /** Begins to take events; the listener hears of the first state at once. */
  start(): void
  /** Delivers an event, at once or, when called from within the actor, after the current one. Ignored after the end. */
  send(event: MachineEvent): void
  /** Tells of each transition that the machine takes from now on, before the listener hears of the state. The result ends it. */
  watch(watcher: TransitionWatcher): () => void
  /** Attaches an observer to the whole system. The result detaches it. See `inspectSystem`. */
  inspect(observer: InspectionObserver, onFault: (error: unknown) => void): () => void
}

/** Makes the actors of a runtime. */
export type ActorFactory = (machine: AnyStateMachine, options: ActorOptions) => MachineActor
