import type { ActorRow } from '../observe/view/messages.ts'

/** A resource at its place in the tree. */
export interface Branch {
  readonly row: ActorRow
  readonly depth: number
}

const fits = ({ path, kind, state, error = '' }: ActorRow, filter: string): boolean =>
  [path, kind, state, error].some(text => text.toLowerCase().includes(filter))

/** The paths of those that fit, and of all above them. */
function wanted(rows: ReadonlyMap<string, ActorRow>, filter: string): ReadonlySet<string> {
  const paths = new Set<string>()
  for (const row of rows.values()) {
    if (!fits(row, filter)) continue
    for (let up: ActorRow | undefined = row; up && !paths.has(up.path); up = rows.get(up.parent))
      paths.add(up.path)
  }
  return paths
}

/**
 * Rows in the order of the tree, each below its supervisor.
 * @param filter only those that have this text in their path, kind, state or error code, with the supervisors above them
 */
export function branches(rows: ReadonlyMap<string, ActorRow>, filter = ''): readonly Branch[] {
  const shown = filter === '' ? undefined : wanted(rows, filter.toLowerCase())
  const families = new Map<string, ActorRow[]>()
  for (const row of rows.values()) {
    if (shown && !shown.has(row.path)) continue
    // One whose supervisor is not known stands at the top.
    const parent = rows.has(row.parent) ? row.parent : ''
    const family = families.get(parent)
    if (family) family.push(row)
    else families.set(parent, [row])
  }
  const tree: Branch[] = []
  const open = (families.get('') ?? []).map(row => ({ row, depth: 0 })).reverse()
  for (let branch = open.pop(); branch; branch = open.pop()) {
    tree.push(branch)
    const depth = branch.depth + 1
    for (const row of (families.get(branch.row.path) ?? []).toReversed()) open.push({ row, depth })
  }
  return tree
}
