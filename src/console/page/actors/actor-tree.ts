import type { LifecycleState } from '../../../../machines/lifecycle.ts'
import type { ActorRow } from '../../../observe/view/messages.ts'

/** The seven states in the order of a life. */
export const states: readonly LifecycleState[] = [
  'UNINITIALIZED',
  'INITIALIZING',
  'READY',
  'DEGRADED',
  'ERROR',
  'CLOSING',
  'CLOSED',
]

/** What of a tree is shown. */
export interface TreeView {
  /** Words that must all be in path, kind, display name or error code; case does not count. */
  readonly search: string
  /** Only these states; empty: all. */
  readonly states: ReadonlySet<LifecycleState>
  /** Paths whose children are hidden, while nothing is searched or filtered. */
  readonly collapsed: ReadonlySet<string>
}

/** One line of a tree as it is drawn. */
export interface TreeLine {
  readonly row: ActorRow
  /** 0 for a root. */
  readonly depth: number
  /** Undefined for a leaf. */
  readonly expanded: boolean | undefined
  /** False for one that is only shown because something below it is. */
  readonly matches: boolean
  /** Which of its siblings it is, from 1, and how many these are. */
  readonly position: number
  readonly siblings: number
}

export function countStates(rows: Iterable<ActorRow>): Record<LifecycleState, number> {
  const counts = Object.fromEntries(states.map(state => [state, 0])) as Record<LifecycleState, number>
  for (const { state } of rows) counts[state] += 1
  return counts
}

/** Children by the path of their parent, in the order of the rows. Those whose parent is not there stand at the root. */
function byParent(rows: ReadonlyMap<string, ActorRow>): Map<string, ActorRow[]> {
  const children = new Map<string, ActorRow[]>()
  for (const row of rows.values()) {
    const parent = rows.has(row.parent) && row.parent !== row.path ? row.parent : ''
    const siblings = children.get(parent)
    if (siblings) siblings.push(row)
    else children.set(parent, [row])
  }
  return children
}

/** The paths that match, and those above them; undefined when everything does. */
function matching(rows: ReadonlyMap<string, ActorRow>, view: TreeView) {
  const words = view.search.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0 && view.states.size === 0) return undefined
  const hits = new Set<string>()
  const shown = new Set<string>()
  for (const row of rows.values()) {
    if (view.states.size > 0 && !view.states.has(row.state)) continue
    const text = `${row.path} ${row.kind} ${row.displayName} ${row.error ?? ''}`.toLowerCase()
    if (!words.every(word => text.includes(word))) continue
    hits.add(row.path)
    for (let at: ActorRow | undefined = row; at && !shown.has(at.path); at = rows.get(at.parent))
      shown.add(at.path)
  }
  return { hits, shown }
}

/** The lines of a tree from top to bottom. Costs one pass over all rows. */
export function treeLines(rows: ReadonlyMap<string, ActorRow>, view: TreeView): TreeLine[] {
  const children = byParent(rows)
  const found = matching(rows, view)
  const lines: TreeLine[] = []
  const walk = (parent: string, depth: number): void => {
    const all = children.get(parent) ?? []
    const siblings = found ? all.filter(row => found.shown.has(row.path)) : all
    for (const [index, row] of siblings.entries()) {
      const expanded = children.has(row.path)
        ? found !== undefined || !view.collapsed.has(row.path)
        : undefined
      const matches = found?.hits.has(row.path) ?? true
      lines.push({ row, depth, expanded, matches, position: index + 1, siblings: siblings.length })
      if (expanded) walk(row.path, depth + 1)
    }
  }
  walk('', 0)
  return lines
}
