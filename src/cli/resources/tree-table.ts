import type {
  ListAnswer,
  ResourceRow,
  ResourceTree,
  TreeAnswer,
} from '../../observe/control/resource-answers.ts'
import { type Cell, type Paper, table } from '../table.ts'
import { countStates, rowCells, rowHeads, stateCounts } from './list-table.ts'

/** Puts each resource below its supervisor. One whose supervisor is not among them stands at the top. */
export function treeOf({ node, resources }: ListAnswer): TreeAnswer {
  const nodes = new Map<string, ResourceTree>(resources.map(row => [row.path, { ...row, children: [] }]))
  const tree: ResourceTree[] = []
  for (const each of nodes.values()) (nodes.get(each.parent)?.children ?? tree).push(each)
  return { node, tree }
}

/** The answer to `resources tree` for people. */
export function treeTable({ node, tree }: TreeAnswer, now: number, paper: Paper = {}): string {
  const lines: { readonly label: string; readonly row: ResourceRow }[] = []
  const draw = (rows: readonly ResourceTree[], indent: string, isRoot: boolean): void => {
    for (const [index, row] of rows.entries()) {
      const isLast = index === rows.length - 1
      const branch = isRoot ? '' : isLast ? '└─ ' : '├─ '
      lines.push({ label: `${indent}${branch}${row.name}`, row })
      draw(row.children, isRoot ? '' : `${indent}${isLast ? '   ' : '│  '}`, false)
    }
  }
  draw(tree, '', true)
  const rows = lines.map(({ label, row }): readonly Cell[] => [label, ...rowCells(row, now)])
  return [
    `node ${node}: ${stateCounts(countStates(lines.map(({ row }) => row)))}`,
    '',
    table([['RESOURCE', ...rowHeads], ...rows], paper),
    '',
  ].join('\n')
}
