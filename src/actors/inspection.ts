import type { AnyActorRef, InspectionEvent } from 'xstate'
import { childrenOf } from './family.ts'

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
  for (const child of childrenOf(actor)) introduce(child, rootId, watch)
}

/**
 * Attaches an observer to the whole system of `root`, now or at any later time. It is first told of every
 * actor that lives already, so that a viewer that comes late sees the whole tree. Without observers
 * inspection costs nothing.
 *
 * @param onFault gets what the observer throws
 * @returns detaches the observer
 */
export function inspectSystem(
  root: AnyActorRef,
  observer: InspectionObserver,
  onFault: (error: unknown) => void,
): () => void {
  const watch = guarded(observer, onFault)
  introduce(root, root.sessionId, watch)
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
