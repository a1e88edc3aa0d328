import type { AnyActorRef, InspectionEvent } from 'xstate'

/** Sees every event, snapshot and actor of a system, e.g. to feed the Stately inspector. */
export type InspectionObserver =
  | ((event: InspectionEvent) => void)
  | { next?: ((event: InspectionEvent) => void) | undefined }

type Watch = (event: InspectionEvent) => void

/** The observers of each system, to tell them what XState itself does not. */
const watches = new WeakMap<object, Set<Watch>>()

/** XState lets an exception of an observer into the actor; this does not. */
function guarded(observer: InspectionObserver, onFault: (error: unknown) => void): Watch {
  return event => {
    try {
      if (typeof observer === 'function') observer(event)
      else observer.next?.(event)
    } catch (error) {
      onFault(error)
    }
  }
}

function introduce(actor: AnyActorRef, rootId: string, watch: Watch): void {
  watch({ type: '@xstate.actor', rootId, actorRef: actor })
  watch({
    type: '@xstate.snapshot',
    rootId,
    actorRef: actor,
    event: { type: 'xstate.init' },
    snapshot: actor.getSnapshot(),
  })
}

/** True while the system of an actor has an observer. */
export function isInspected(actor: AnyActorRef): boolean {
  return (watches.get(actor.system)?.size ?? 0) > 0
}

/**
 * Attaches an observer to a whole system, now or at any later time. It is first told of every
 * actor that lives already, so that a viewer that comes late sees the whole tree. Without observers
 * inspection costs nothing.
 *
 * @param actors all that live, the root first and each parent before its children
 * @param onFault gets what the observer throws
 * @returns detaches the observer
 */
export function inspectSystem(
  actors: readonly [root: AnyActorRef, ...others: AnyActorRef[]],
  observer: InspectionObserver,
  onFault: (error: unknown) => void,
): () => void {
  const [root] = actors
  const watch = guarded(observer, onFault)
  for (const actor of actors) introduce(actor, root.sessionId, watch)
  const ofSystem = watches.get(root.system) ?? new Set()
  watches.set(root.system, ofSystem.add(watch))
  const subscription = root.system.inspect({ next: watch })
  return () => {
    ofSystem.delete(watch)
    subscription.unsubscribe()
  }
}

/** Tells the observers that an actor failed by a throw: XState sends no snapshot then, and it would look alive. */
export function announceCrash(actor: AnyActorRef, rootId: string, error: unknown): void {
  const ofSystem = watches.get(actor.system)
  if (ofSystem === undefined) return
  for (const watch of ofSystem) {
    watch({
      type: '@xstate.snapshot',
      rootId,
      actorRef: actor,
      event: { type: 'xstate.error' },
      snapshot: { status: 'error', error, output: undefined },
    })
  }
}
