import type { AnyLifecycleMachine } from '../../machines/index.ts'

type StateNode = AnyLifecycleMachine['root']

/** Mermaid wants names without dots that are unique in the whole diagram. */
const idOf = (state: StateNode): string => state.path.join('_')

/** One arrow: from, to and why. */
interface Arrow {
  readonly from: StateNode
  readonly to: StateNode
  readonly label: string
}

/** Mermaid has no arrows from one nested state to another one's inside: such an arrow ends at the outer state. */
function visibleTarget(from: StateNode, to: StateNode): StateNode {
  return to.parent && to.parent !== from.parent && to.parent !== from ? visibleTarget(from, to.parent) : to
}

function arrowsFrom(state: StateNode): readonly Arrow[] {
  return [...state.transitions.values()].flat().flatMap(({ eventType, guard, target = [] }) =>
    target.flatMap(to => {
      const shown = visibleTarget(state, to)
      // A guard that only chooses among states inside of the target says nothing about this arrow.
      const label = typeof guard === 'string' && shown === to ? `${eventType} [${guard}]` : eventType
      // What an outer state does with its own nested states is drawn as the doing of each of them.
      const sources = to.parent === state ? Object.values(state.states) : [state]
      return sources.map(from => ({ from, to: shown, label }))
    }),
  )
}

/** Several ways from one state to another become one line. */
function arrowLines(states: readonly StateNode[], indent: string): readonly string[] {
  const lines = states
    .flatMap(arrowsFrom)
    .map(({ from, to, label }) => `${indent}${idOf(from)} --> ${idOf(to)} : ${label}`)
  return [...new Set(lines)]
}

function body(state: StateNode, indent: string): readonly string[] {
  const children = Object.values(state.states)
  const initial = state.initial?.target[0]
  return [
    ...(initial ? [`${indent}[*] --> ${idOf(initial)}`] : []),
    ...children.flatMap(child => [
      ...(state.parent ? [`${indent}state "${child.key}" as ${idOf(child)}`] : []),
      ...(Object.keys(child.states).length > 0
        ? [`${indent}state ${idOf(child)} {`, ...body(child, `${indent}  `), `${indent}}`]
        : []),
    ]),
    ...arrowLines(children, indent),
    ...children.filter(child => child.type === 'final').map(child => `${indent}${idOf(child)} --> [*]`),
  ]
}

/** A machine as the text of a Mermaid `stateDiagram-v2`. */
export function toMermaid(machine: AnyLifecycleMachine): string {
  return ['stateDiagram-v2', ...body(machine.root, '  ')].map(line => `${line}\n`).join('')
}
