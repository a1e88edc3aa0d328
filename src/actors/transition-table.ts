import type { AnyStateMachine } from 'xstate'
import type { MachineEvent } from './machine-actor.ts'

type StateNode = AnyStateMachine['root']
type Transition = NonNullable<ReturnType<StateNode['transitions']['get']>>[number]
type Facts = Readonly<Record<string, unknown>>
type Guard = (facts: { readonly context: Facts; readonly event: MachineEvent }) => boolean
type Assignment = (facts: AssignFacts) => Facts

/** Thrown when a table cannot go on where XState could. */
export class BeyondTable extends Error {}

/** What an `assign` is called with. The parts that need an XState actor are not there. */
class AssignFacts {
  readonly context: Facts
  readonly event: MachineEvent

  constructor(context: Facts, event: MachineEvent) {
    this.context = context
    this.event = event
  }

  get self(): never {
    throw new BeyondTable('self')
  }

  get system(): never {
    throw new BeyondTable('system')
  }

  get spawn(): never {
    throw new BeyondTable('spawn')
  }
}

/** What one event may do in one position, if its guard holds. */
export interface Step {
  readonly guard: Guard | undefined
  readonly assignments: readonly Assignment[]
  /** Undefined: the position stays. */
  readonly target: Position | undefined
}

/** One of the configurations that a machine can be in: a leaf of its tree of states. */
export interface Position {
  /** The state value, as XState gives it. */
  readonly value: unknown
  readonly isFinal: boolean
  /** For each type of event the steps to try in order: those of the leaf, then those of the states around it. */
  readonly steps: Map<string, readonly Step[]>
}

/** A machine as a table. Walking it gives what XState gives, about ten times as fast. */
export interface TransitionTable {
  readonly machine: AnyStateMachine
  readonly initial: Position
  /** The context of a new actor. */
  begin(input: unknown): Facts
  /** The position that a state value means; of a compound state, its initial one. */
  at(value: unknown): Position | undefined
}

/** The step that an event takes, if any. */
export function stepFor(position: Position, context: Facts, event: MachineEvent): Step | undefined {
  const steps = position.steps.get(event.type)
  if (steps === undefined) return undefined
  for (const step of steps) if (step.guard === undefined || step.guard({ context, event })) return step
  return undefined
}

/** The context after the assignments of a step. */
export function assigned(assignments: readonly Assignment[], context: Facts, event: MachineEvent): Facts {
  const [first] = assignments
  // Most steps have one, and a loop over it would cost as much as it does.
  if (assignments.length === 1 && first) return { ...context, ...first(new AssignFacts(context, event)) }
  let facts = context
  for (const assignment of assignments) facts = { ...facts, ...assignment(new AssignFacts(facts, event)) }
  return facts
}

/** Thrown while a table is made of a machine that has more than a table can hold. */
class NotPlain extends Error {}

function named(action: unknown): string | undefined {
  if (typeof action === 'string') return action
  if (typeof action !== 'object' || action === null || 'params' in action) return undefined
  return (action as { readonly type?: string }).type
}

/** The implementation of an action or a guard that is given by its name or in place. */
function implementation(of: Readonly<Record<string, unknown>>, given: unknown): object {
  const found = typeof given === 'function' ? given : of[named(given) ?? '']
  if (typeof found !== 'function') throw new NotPlain()
  return found
}

function assignmentOf(machine: AnyStateMachine, action: unknown): Assignment {
  const found = implementation(machine.implementations.actions as Facts, action) as {
    readonly type?: unknown
    readonly assignment?: Assignment | Readonly<Record<string, unknown>>
  }
  if (found.type !== 'xstate.assign' || found.assignment === undefined) throw new NotPlain()
  const { assignment } = found
  if (typeof assignment === 'function') return assignment
  const fields = Object.entries(assignment)
  return facts =>
    Object.fromEntries(fields.map(([name, to]) => [name, typeof to === 'function' ? to(facts) : to]))
}

function guardOf(machine: AnyStateMachine, guard: unknown): Guard | undefined {
  if (guard === undefined) return undefined
  const found = implementation(machine.implementations.guards as Facts, guard)
  if ('check' in found) throw new NotPlain()
  return found as Guard
}

const leafBelow = (node: StateNode): StateNode => {
  const [first] = node.type === 'compound' ? node.initial.target : []
  return first ? leafBelow(first as StateNode) : node
}

function isPlain(node: StateNode): boolean {
  const isRoot = node.parent === undefined
  return (
    (node.type === 'compound' || node.type === 'atomic' || (node.type === 'final' && !isRoot)) &&
    (node.type !== 'final' || node.parent?.parent === undefined) &&
    (isRoot || node.entry.length === 0) &&
    node.exit.length === 0 &&
    node.always === undefined &&
    node.invoke.length === 0 &&
    node.after.length === 0 &&
    node.output === undefined &&
    (node.type !== 'compound' || node.initial.actions.length === 0) &&
    [...node.transitions.keys()].every(type => !type.includes('*') && !type.startsWith('xstate.'))
  )
}

function stateValueOf(leaf: StateNode): unknown {
  let value: unknown
  for (let node: StateNode | undefined = leaf; node?.parent; node = node.parent as StateNode | undefined)
    value = value === undefined ? node.key : Object.freeze({ [node.key]: value })
  return value ?? {}
}

/** Makes the positions of one machine, each once. */
class TableMaker {
  readonly #machine: AnyStateMachine
  readonly #positions = new Map<StateNode, Position>()

  constructor(machine: AnyStateMachine) {
    this.#machine = machine
  }

  position(node: StateNode): Position {
    const leaf = leafBelow(node)
    const known = this.#positions.get(leaf)
    if (known) return known
    const position = { value: stateValueOf(leaf), isFinal: leaf.type === 'final', steps: new Map() }
    this.#positions.set(leaf, position)
    for (let around: StateNode | undefined = leaf; around; around = around.parent as StateNode | undefined) {
      if (!isPlain(around)) throw new NotPlain()
      for (const [type, transitions] of around.transitions) {
        const steps = transitions.map((transition: Transition) => this.#step(transition))
        position.steps.set(type, [...(position.steps.get(type) ?? []), ...steps])
      }
    }
    return position
  }

  #step({ guard, actions, target }: Transition): Step {
    const [to] = target ?? []
    return {
      guard: guardOf(this.#machine, guard),
      assignments: actions.map(action => assignmentOf(this.#machine, action)),
      target: to && this.position(to as StateNode),
    }
  }
}

function makeTable(machine: AnyStateMachine): TransitionTable {
  const { root, config } = machine
  const maker = new TableMaker(machine)
  const facts: unknown = config.context ?? {}
  if (typeof facts === 'function') throw new NotPlain()
  const entry = root.entry.map((action: unknown) => assignmentOf(machine, action))
  return {
    machine,
    initial: maker.position(root),
    begin: input => assigned(entry, facts as Facts, { type: 'xstate.init', input }),
    at: value => {
      if (typeof value === 'string') {
        const node = root.states[value]
        return node && maker.position(node as StateNode)
      }
      return undefined
    },
  }
}

const tables = new WeakMap<AnyStateMachine, TransitionTable | 'beyond'>()

/**
 * The table of a machine, or undefined for one that has more than a table can hold: parallel or history states, invoked actors,
 * delayed or eventless transitions, wildcards, actions other than `assign`, or entry and exit actions below the root.
 */
export function transitionTable(machine: AnyStateMachine): TransitionTable | undefined {
  let table = tables.get(machine)
  if (table === undefined) {
    try {
      table = makeTable(machine)
    } catch (error) {
      if (!(error instanceof NotPlain)) throw error
      table = 'beyond'
    }
    tables.set(machine, table)
  }
  return table === 'beyond' ? undefined : table
}

/** An action of the machine wants an XState actor: its further actors are run by XState. */
export function refuseTable(machine: AnyStateMachine): void {
  tables.set(machine, 'beyond')
}
