import type { ActorRow, JournalLine } from './messages.ts'

/**
 * The tree as it was at a moment: all rows by their paths, after the line of that sequence number. A journal begins with the tree as it was
 * then, in lines that share one sequence number; what was before that is not known, and gives an empty tree.
 *
 * @param lines in the order of their sequence numbers
 */
export function treeAt(lines: readonly JournalLine[], sequence: number): ReadonlyMap<string, ActorRow> {
  const rows = new Map<string, ActorRow>()
  for (const line of lines) {
    if (line.sequence > sequence) break
    if (line.event.type === 'rows') applyRows(rows, line.event)
  }
  return rows
}

/** Takes a change of rows over into a tree: what {@link treeAt} does for each line. */
export function applyRows(
  rows: Map<string, ActorRow>,
  { changed, removed }: { readonly changed: readonly ActorRow[]; readonly removed: readonly string[] },
): void {
  for (const path of removed) rows.delete(path)
  for (const row of changed) rows.set(row.path, row)
}
