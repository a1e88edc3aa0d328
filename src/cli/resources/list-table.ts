import type { ListAnswer, ResourceRow } from '../../observe/control/resource-answers.ts'
import { spanText } from '../../observe/span-text.ts'
import { type Cell, type Paper, table } from '../table.ts'
import { stateCell } from './state-cell.ts'

/** How many are in each state, in words: `3 resources, 2 READY, 1 ERROR`. */
export function stateCounts(states: Readonly<Record<string, number>>): string {
  const all = Object.values(states).reduce((sum, count) => sum + count, 0)
  const each = Object.entries(states).map(([state, count]) => `${count} ${state}`)
  return [`${all} ${all === 1 ? 'resource' : 'resources'}`, ...each].join(', ')
}

export function countStates(rows: readonly Pick<ResourceRow, 'state'>[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { state } of rows) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

/** How a resource is, after its name: the columns that lists and trees have in common. */
export function rowCells(row: ResourceRow, now: number): readonly Cell[] {
  const error = row.error ? `${row.error.code}: ${row.error.message}` : ''
  return [
    row.kind,
    stateCell(row),
    spanText(now - row.since),
    String(row.incarnation),
    String(row.restarts),
    { text: error, style: 'dim' },
  ]
}

export const rowHeads = ['KIND', 'STATE', 'FOR', 'INCARNATION', 'RESTARTS', 'LAST ERROR'] as const

/** The answer to `resources list` for people. */
export function listTable({ node, resources }: ListAnswer, now: number, paper: Paper = {}): string {
  const rows = resources.map((row): readonly Cell[] => [row.path, ...rowCells(row, now)])
  return [
    `node ${node}: ${stateCounts(countStates(resources))}`,
    '',
    rows.length > 0 ? table([['RESOURCE', ...rowHeads], ...rows], paper) : 'no such resources',
    '',
  ].join('\n')
}
