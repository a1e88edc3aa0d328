import type { AnyActorRef, AnyEventObject, AnyStateMachine } from 'xstate'

type Transition = AnyStateMachine['transition']
type Scope = Parameters<Transition>[2]

const families = new WeakMap<AnyActorRef, Map<string, AnyActorRef>>()
const logics = new WeakMap<AnyStateMachine, AnyStateMachine>()

/** The living children of an actor, in the order in which they were adopted. */
export function childrenOf(parent: AnyActorRef): Iterable<AnyActorRef> {
  return families.get(parent)?.values() ?? []
}

/** True while `parent` has a living child of that id. */
export function hasChild(parent: AnyActorRef, id: string): boolean {
  return families.get(parent)?.has(id) ?? false
}

/** Notes a child, which was created with `parent` as its parent. */
export function adopt(parent: AnyActorRef, child: AnyActorRef): void {
  let family = families.get(parent)
  if (family === undefined) {
    family = new Map()
    families.set(parent, family)
  }
  family.set(child.id, child)
}

function stopFamily(scope: Scope): void {
  const family = families.get(scope.self)
  if (family === undefined) return
  families.delete(scope.self)
  for (const child of [...family.values()].reverse()) scope.stopChild(child)
}

function endedChild(event: AnyEventObject): string | undefined {
  const ends = event.type.startsWith('xstate.done.actor.') || event.type.startsWith('xstate.error.actor.')
  return ends ? (event as unknown as { readonly actorId: string }).actorId : undefined
}

/**
 * The machine as logic that looks after the children adopted by its actors. XState leaves such children
 * running when their parent throws, and copies a list of all children at each spawn and stop; here they stand in
 * a Map and are stopped whenever their parent ends, however it ends. A child's own end is noted and not
 * passed on: who created the child hears of it through its observers.
 */
export function familyLogic<Machine extends AnyStateMachine>(machine: Machine): Machine {
  const known = logics.get(machine)
  if (known !== undefined) return known as Machine
  const transition: Transition = (snapshot, event, scope) => {
    const ended = endedChild(event)
    if (ended !== undefined && families.get(scope.self)?.delete(ended)) return snapshot
    if (event.type === 'xstate.stop') stopFamily(scope)
    try {
      const next = machine.transition(snapshot, event, scope)
      if (next.status !== 'active') stopFamily(scope)
      return next
    } catch (error) {
      stopFamily(scope)
      throw error
    }
  }
  const logic: Machine = Object.create(machine, { transition: { value: transition } })
  logics.set(machine, logic)
  return logic
}
