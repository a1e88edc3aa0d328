import type { AnyActorRef, InspectionEvent } from 'xstate'
import { Viewer, type ViewerSocket } from './viewer.ts'
import { eventMessage, type InspectedActor, snapshotMessage, wireSnapshot } from './wire.ts'

/** Attaches an observer to an XState system, as `inspect` of a supervisor does; the result detaches it. */
export type AttachObserver = (observer: (event: InspectionEvent) => void) => () => void

const statusOf = (snapshot: unknown): unknown =>
  (snapshot as { readonly status?: unknown } | undefined)?.status

/** Makes a text when it is first asked for. */
function once(make: () => string): () => string {
  let text: string | undefined
  return () => {
    text ??= make()
    return text
  }
}

/**
 * Translates what XState tells of one system into the format of `@statelyai/inspect`, for any number of viewers. The observer is attached while
 * there is one, and only then.
 */
export class StatelyBridge {
  readonly #attach: AttachObserver
  readonly #now: () => number
  readonly #viewers = new Set<Viewer>()
  /** By session id; each parent before its children. */
  readonly #living = new Map<string, InspectedActor>()
  #detach: (() => void) | undefined

  /** @param now milliseconds since 1970 */
  constructor(attach: AttachObserver, now: () => number) {
    this.#attach = attach
    this.#now = now
  }

  get viewers(): number {
    return this.#viewers.size
  }

  /** Whether it observes the system at this moment. */
  get isAttached(): boolean {
    return this.#detach !== undefined
  }

  /** Tells one more viewer. The result ends it. */
  connect(socket: ViewerSocket): () => void {
    this.#detach ??= this.#attach(event => this.#take(event))
    const viewer = new Viewer(socket, this.#now)
    this.#viewers.add(viewer)
    viewer.begin(this.#living.values())
    return () => {
      if (!this.#viewers.delete(viewer) || this.#viewers.size > 0) return
      this.#detach?.()
      this.#detach = undefined
      this.#living.clear()
    }
  }

  #take(event: InspectionEvent): void {
    const ref = event.actorRef as AnyActorRef
    // An actor has no snapshot yet when it is told of: viewers hear of it with its first event.
    if (event.type === '@xstate.actor') this.#living.set(ref.sessionId, { ref, rootId: event.rootId })
    else if (event.type === '@xstate.event' || event.type === '@xstate.snapshot') this.#tell(event)
  }

  #tell(event: Extract<InspectionEvent, { type: '@xstate.event' | '@xstate.snapshot' }>): void {
    const actor = this.#living.get((event.actorRef as AnyActorRef).sessionId)
    if (!actor) return
    if (event.type === '@xstate.event') {
      const source = (event.sourceRef as AnyActorRef | undefined)?.sessionId
      const text = once(() => eventMessage(actor, event.event, source, this.#now()))
      for (const viewer of this.#viewers) viewer.event(actor, text)
    } else if (statusOf(event.snapshot) === 'active') {
      const text = once(() => snapshotMessage(actor, event.event, wireSnapshot(event.snapshot), this.#now()))
      for (const viewer of this.#viewers) viewer.event(actor, text)
    } else this.#end(actor, event)
  }

  #end(actor: InspectedActor, event: Extract<InspectionEvent, { type: '@xstate.snapshot' }>): void {
    this.#living.delete(actor.ref.sessionId)
    // What is told of a throw has neither state nor context: those are where it happened.
    const last = { ...(actor.ref.getSnapshot() as object), ...event.snapshot }
    const text = (inShort: boolean) =>
      snapshotMessage(
        actor,
        inShort ? { type: event.event.type } : event.event,
        wireSnapshot(last, inShort),
        this.#now(),
      )
    for (const viewer of this.#viewers) viewer.ended(actor, text)
  }
}
