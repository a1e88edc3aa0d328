import { closest } from 'fastest-levenshtein'
import type { SpecFields } from './child-spec.ts'
import { type Dependencies, orderCycles } from './dependencies.ts'
import { quote, type SpecFaults } from './spec-faults.ts'

/** A child whose siblings are known. */
export interface Sibling {
  readonly path: string
  /** Empty when it has none. */
  readonly id: string
  readonly fields: SpecFields
}

const MOST_NAMED = 1_000
const MOST_COMPARED = 1_000
const LONGEST_CYCLE = 20
const keys = ['dependsOn', 'after', 'requires'] as const

/** The ids of a list that siblings have, and a fault for each other one. */
function checkList(
  faults: SpecFaults,
  list: readonly unknown[],
  path: string,
  self: string,
  known: ReadonlyMap<string, Sibling>,
): readonly string[] {
  const found: string[] = []
  for (const [index, id] of list.entries()) {
    const at = `${path}[${index}]`
    if (typeof id !== 'string') faults.add(at, `is ${quote(id)}`, 'the id of a sibling')
    else if (id === self) faults.add(at, `is ${quote(id)}, the child itself`, 'the id of a sibling')
    else if (known.has(id)) found.push(id)
    else {
      const ids = known.size <= MOST_COMPARED && id.length <= 256 ? [...known.keys()] : []
      const near = ids.length > 0 ? `, such as ${closest(id, ids)}` : ''
      faults.add(at, `is ${quote(id)}, which is no sibling`, `the id of a sibling${near}`)
    }
  }
  return found
}

function checkCycles(
  faults: SpecFaults,
  graph: readonly Dependencies[],
  known: ReadonlyMap<string, Sibling>,
): void {
  const waits = new Map(graph.map(child => [child.id, child]))
  for (const cycle of orderCycles(graph)) {
    const [first = '', second = first] = cycle
    const key = waits.get(first)?.dependsOn?.includes(second) ? 'dependsOn' : 'after'
    const shown = cycle.length > LONGEST_CYCLE ? [...cycle.slice(0, LONGEST_CYCLE), '...'] : cycle
    const count = cycle.length > LONGEST_CYCLE ? ` (${cycle.length} children)` : ''
    faults.add(
      `${known.get(first)?.path}.${key}`,
      `closes a cycle: ${[...shown, first].join(' -> ')}${count}`,
      'an order in which one of them can start first',
    )
  }
}

/** Adds what is wrong with what the children of one supervisor say of each other. */
export function checkDependencies(faults: SpecFaults, siblings: readonly Sibling[], strategy: string): void {
  if (!siblings.some(({ fields }) => keys.some(key => fields[key] !== undefined))) return
  // Where an id is there twice, the first one has it.
  const known = new Map(siblings.toReversed().map(sibling => [sibling.id, sibling]))
  known.delete('')
  const graph: Dependencies[] = []
  for (const { path, id, fields } of siblings) {
    const child: Record<string, readonly string[]> = {}
    for (const key of keys) {
      const list = fields[key]
      const at = `${path}.${key}`
      if (list === undefined) continue
      if (!Array.isArray(list) || list.length > MOST_NAMED) {
        faults.add(at, `is ${quote(list)}`, `a list of at most ${MOST_NAMED} ids of siblings`)
      } else if (strategy !== 'dependency_closure') {
        if (list.length > 0)
          faults.add(at, `is there under ${quote(strategy)}`, 'the strategy dependency_closure')
      } else {
        child[key] = faults.attempt(at, () => checkList(faults, list, at, id, known)) ?? []
      }
    }
    if (known.get(id)?.path === path) graph.push({ id, ...child })
  }
  checkCycles(faults, graph, known)
}
