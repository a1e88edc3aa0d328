import type { AnyActorRef, AnyEventObject, AnyStateMachine } from 'xstate'

type Transition = AnyStateMachine['transition']
type Scope = Parameters<Transition>[2]

/** Stops an actor that XState runs; only its parent may. */
export type StopChild = (ref: AnyActorRef) => void

/** What an actor is to its parent. */
export interface Member {
  readonly id: string
  /** Ends it, because its parent ends. */
  stop(stopChild: StopChild): void
}

const notRun: StopChild = ref => {
  throw new TypeError(`actor ${ref.id} is run by XState, its parent is not`)
}

/** The living children of one actor, in the order in which they were adopted. */
export class Family {
  #members: Map<string, Member> | undefined

  get members(): readonly Member[] {
    return this.#members ? [...this.#members.values()] : []
  }

  /** @throws Error when there is a living child of that id, since two would be told apart by nothing */
  adopt(member: Member, parent: string): void {
    this.#members ??= new Map()
    if (this.#members.has(member.id))
      throw new Error(`actor ${parent} has a living child ${member.id} already`)
    this.#members.set(member.id, member)
  }

  /** Another actor goes on in the place of a living child of the same id. */
  replace(member: Member): void {
    if (this.#members?.has(member.id)) this.#members.set(member.id, member)
  }

  /** False when there was no child of that id. */
  forget(id: string): boolean {
    return this.#members?.delete(id) ?? false
  }

  /** Stops all, the last one first. */
  stop(stopChild: StopChild = notRun): void {
    const members = this.members.toReversed()
    this.#members = undefined
    for (const member of members) member.stop(stopChild)
  }
}

const families = new WeakMap<AnyActorRef, Family>()
const logics = new WeakMap<AnyStateMachine, AnyStateMachine>()

/** From now on the family shares the fate of the actor. */
export function bindFamily(parent: AnyActorRef, family: Family): void {
  families.set(parent, family)
}

function stopFamily(scope: Scope): void {
  families.get(scope.self)?.stop(ref => scope.stopChild(ref))
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
    if (ended !== undefined && families.get(scope.self)?.forget(ended)) return snapshot
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
