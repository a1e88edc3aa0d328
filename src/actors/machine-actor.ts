import { type AnyActorRef, type AnyStateMachine, createActor, type Snapshot } from 'xstate'
import type { Clock } from '../concurrency/clock.ts'
import { adopt, familyLogic, hasChild } from './family.ts'
import { announceCrash, type InspectionObserver, inspectSystem } from './inspection.ts'
import { indexScheduler } from './scheduler.ts'

/** What the creator of an actor hears of it. */
interface ActorListener {
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
  readonly from?: { readonly value: string; readonly context: unknown }
  readonly listener: ActorListener
}

/** One XState actor of one machine: the only thing that other rooms see of XState at run time. */
export class MachineActor {
  readonly #ref: AnyActorRef
  readonly #root: AnyActorRef

  /** @throws Error when the parent has a living child of that id, since two would be told apart by nothing */
  constructor(machine: AnyStateMachine, { id, input, clock, parent, from, listener }: ActorOptions) {
    if (parent && hasChild(parent.#ref, id))
      throw new Error(`actor ${parent.id} has a living child ${id} already`)
    const ref: AnyActorRef = createActor(familyLogic(machine), {
      id,
      input,
      clock,
      ...(parent && { parent: parent.#ref }),
      ...(from && { snapshot: machine.resolveState(from as never) as Snapshot<unknown> }),
    })
    this.#ref = ref
    this.#root = parent ? parent.#root : ref
    if (parent) adopt(parent.#ref, ref)
    else indexScheduler(ref)
    ref.subscribe({
      next: snapshot => listener.changed(snapshot.value),
      error: error => {
        announceCrash(ref, this.#root.sessionId, error)
        listener.crashed(error)
      },
      complete: () => listener.stopped(),
    })
  }

  get id(): string {
    return this.#ref.id
  }

  /** The state value, nested states included. */
  get value(): unknown {
    return this.#ref.getSnapshot().value
  }

  /** The facts that the machine remembers. */
  get context(): unknown {
    return this.#ref.getSnapshot().context
  }

  /** Begins to take events; the listener hears of the first state at once. */
  start(): void {
    this.#ref.start()
  }

  /** Delivers an event, at once or, when called from within the actor, after the current one. Ignored after the end. */
  send(event: MachineEvent): void {
    if (this.#ref.getSnapshot().status === 'active') this.#ref.send(event)
  }

  /** See {@link inspectSystem}. */
  inspect(observer: InspectionObserver, onFault: (error: unknown) => void): () => void {
    return inspectSystem(this.#root, observer, onFault)
  }
}
