import type { AnyActorRef, AnyMachineSnapshot, InspectionEvent } from 'xstate'
import { pathOf } from '../../resources/registry-path.ts'
import type { Supervisor } from '../../supervision/types.ts'
import type { TransitionRecord } from './messages.ts'

type TransitionListener = (transition: TransitionRecord) => void

interface Place {
  readonly path: string
  readonly incarnation: number
}

/**
 * The transitions that the machines of a tree take, told by XState. The tree is inspected only while somebody listens, since the first
 * observer hands all its machines over to XState, and each event of theirs costs something then.
 */
export class TransitionFeed {
  readonly #root: Supervisor
  readonly #now: () => number
  readonly #listeners = new Map<string, Set<TransitionListener>>()
  readonly #places = new WeakMap<AnyActorRef, Place>()
  /** The last microstep of each actor that is watched, and the snapshot that it had meanwhile. */
  readonly #steps = new WeakMap<AnyActorRef, { readonly base: AnyMachineSnapshot; readonly to: unknown }>()
  #detach: (() => void) | undefined

  /** @param now milliseconds since 1970 */
  constructor(root: Supervisor, now: () => number) {
    this.#root = root
    this.#now = now
  }

  /** True while XState tells of its events. */
  get isAttached(): boolean {
    return this.#detach !== undefined
  }

  /** Tells of each transition of one resource, through its incarnations. The result ends it. */
  subscribe(path: string, listener: TransitionListener): () => void {
    const own: TransitionListener = transition => listener(transition)
    const listeners = this.#listeners.get(path) ?? new Set()
    this.#listeners.set(path, listeners.add(own))
    this.#detach ??= this.#root.inspect(event => this.#inspected(event))
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(path) === listeners) this.#listeners.delete(path)
      if (this.#listeners.size > 0) return
      this.#detach?.()
      this.#detach = undefined
    }
  }

  /** Called for each event of the whole tree, of which few are asked for: the others cost two lookups. */
  #inspected(event: InspectionEvent): void {
    if (event.type !== '@xstate.microstep') return
    const actorRef = event.actorRef as AnyActorRef
    const place = this.#placeOf(actorRef)
    const listeners = this.#listeners.get(place.path)
    // A microstep without a transition is the beginning of an actor.
    if (!listeners || event._transitions.length === 0) return
    const to = (event.snapshot as AnyMachineSnapshot).value as unknown
    const from = this.#valueBefore(actorRef, to)
    const record: TransitionRecord = { ...place, time: this.#now(), event: event.event.type, from, to }
    for (const listener of [...listeners]) listener(record)
  }

  /** An actor has its new snapshot only after the last of the microsteps that lead to it. */
  #valueBefore(actor: AnyActorRef, to: unknown): unknown {
    const base = actor.getSnapshot() as AnyMachineSnapshot
    const step = this.#steps.get(actor)
    const from = step?.base === base ? step.to : base.value
    this.#steps.set(actor, { base, to })
    return from
  }

  #placeOf(actor: AnyActorRef): Place {
    const known = this.#places.get(actor)
    if (known) return known
    const { name, incarnation } = parsedId(actor.id)
    const parent = actor._parent ? this.#placeOf(actor._parent).path : ''
    const place = { path: pathOf(parent, name), incarnation }
    this.#places.set(actor, place)
    return place
  }
}

/** An actor is called after its resource and incarnation, e.g. `peer:attic#2`; one that replaces a machine that threw ends with a mark. */
function parsedId(id: string): { readonly name: string; readonly incarnation: number } {
  const mark = id.lastIndexOf('#')
  return { name: id.slice(0, mark), incarnation: Number.parseInt(id.slice(mark + 1), 10) }
}
