import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  type Snapshot,
} from 'xstate'
import { bindFamily, Family, familyLogic, type Member, type StopChild } from './family.ts'
import { announceCrash, type InspectionObserver, inspectSystem, isInspected } from './inspection.ts'
import type { ActorOptions, MachineActor, MachineEvent, TransitionWatcher } from './machine-actor.ts'
import { indexScheduler } from './scheduler.ts'

/** An actor that can be handed over to XState. */
interface Interpretable {
  /** This actor, or the one that goes on in its place, run by XState. */
  interpreted(): InterpretedActor
}

const isInterpretable = (actor: object): actor is Interpretable => 'interpreted' in actor

/** The actor as one that XState runs; those above it are handed over to XState first. */
function interpretedBy(actor: MachineActor): InterpretedActor {
  if (isInterpretable(actor)) return actor.interpreted()
  throw new TypeError(`actor ${actor.id} cannot be run by XState`)
}

/** What an actor takes over from the one in whose place it goes on. */
export interface Inheritance {
  readonly family: Family | undefined
  readonly watchers: Set<TransitionWatcher> | undefined
}

/** One XState actor of one machine. */
export class InterpretedActor implements MachineActor, Member {
  #family: Family | undefined
  readonly #ref: AnyActorRef
  readonly #root: InterpretedActor
  readonly #watchers: Set<TransitionWatcher>
  /** The types of the events that were sent and are not taken yet: XState does not say which of them a snapshot is of. */
  readonly #sent: string[] = []
  #seen: Pick<AnyMachineSnapshot, 'value' | 'context'>

  /** @throws Error when the parent has a living child of that id */
  constructor(machine: AnyStateMachine, options: ActorOptions, inherited?: Inheritance) {
    const { id, input, clock, from, listener } = options
    const parent = options.parent && interpretedBy(options.parent)
    const ref: AnyActorRef = createActor(familyLogic(machine), {
      id,
      input,
      clock,
      ...(parent && { parent: parent.#ref }),
      ...(from && { snapshot: machine.resolveState(from as never) as Snapshot<unknown> }),
    })
    this.#ref = ref
    this.#root = parent ? parent.#root : this
    this.#watchers = inherited?.watchers ?? new Set()
    this.#seen = ref.getSnapshot()
    if (inherited?.family) this.#adoptFamily(inherited.family)
    if (!parent) indexScheduler(ref)
    else if (inherited) parent.family.replace(this)
    else parent.family.adopt(this, parent.id)
    ref.subscribe({
      next: snapshot => {
        this.#tell(snapshot)
        listener.changed(snapshot.value)
      },
      error: error => {
        announceCrash(ref, this.#root.#ref.sessionId, error)
        listener.crashed(error)
      },
      complete: () => listener.stopped(),
    })
  }

  get id(): string {
    return this.#ref.id
  }

  get value(): unknown {
    return this.#ref.getSnapshot().value
  }

  get context(): unknown {
    return this.#ref.getSnapshot().context
  }

  /** Made when it is first asked for: a family is found by its actor's weak reference, which costs the collector time. */
  get family(): Family {
    return this.#family ?? this.#adoptFamily(new Family())
  }

  get isObserved(): boolean {
    return isInspected(this.#ref)
  }

  interpreted(): this {
    return this
  }

  start(): void {
    this.#ref.start()
  }

  send(event: MachineEvent): void {
    if (this.#ref.getSnapshot().status !== 'active') return
    if (this.#watchers.size > 0) this.#sent.push(event.type)
    this.#ref.send(event)
  }

  stop(stopChild: StopChild): void {
    stopChild(this.#ref)
  }

  watch(watcher: TransitionWatcher): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  inspect(observer: InspectionObserver, onFault: (error: unknown) => void): () => void {
    return inspectSystem([this.#root.#ref, ...this.#root.#descendants()], observer, onFault)
  }

  /** An event that changed neither state nor context was none that the machine took. */
  #tell(snapshot: AnyMachineSnapshot): void {
    const { value: from, context } = this.#seen
    this.#seen = snapshot
    const event = this.#sent.shift() ?? 'xstate.after'
    if (this.#watchers.size === 0) this.#sent.length = 0
    else if (from === snapshot.value && context === snapshot.context) return
    for (const watcher of this.#watchers) watcher(event, from, snapshot.value)
  }

  #adoptFamily(family: Family): Family {
    this.#family = family
    bindFamily(this.#ref, family)
    return family
  }

  /** All below it, each parent before its children, and all of them run by XState from now on. */
  #descendants(): readonly AnyActorRef[] {
    return (this.#family?.members ?? []).flatMap(member => {
      const child = interpretedBy(member as Member & MachineActor)
      return [child.#ref, ...child.#descendants()]
    })
  }
}
