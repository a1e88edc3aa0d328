import type { ActorRow } from '../observe/view/messages.ts'
import { headLines, stateStyles } from './top-head.ts'
import type { TopModel } from './top-model.ts'
import { ageText, cut, cutLine, fitted, type Line, printable, type Segment, width } from './top-text.ts'
import { type Branch, branches } from './top-tree.ts'

/** What of a node is to be seen. */
export interface TopView {
  readonly columns: number
  /** Undefined for as many as there are. */
  readonly rows?: number
  /** How many lines of the tree are above the first that is shown. */
  readonly scroll?: number
  readonly filter?: string
  /** True while the filter is being typed. */
  readonly isTyping?: boolean
  /** Milliseconds since 1970. */
  readonly now: number
}

/** A picture of a node, and how far it can be scrolled. */
export interface TopPicture {
  readonly lines: readonly Line[]
  /** The scroll position that is shown: within the tree, whatever was asked for. */
  readonly scroll: number
  /** How many lines of the tree fit. */
  readonly page: number
}

interface Column {
  readonly title: string
  readonly cells: number
  readonly align?: 'right'
  /** The least width of the terminal in which it is shown. */
  readonly from: number
  readonly segment: (row: ActorRow, now: number) => Segment
}

const plain = (text: string): Segment => ({ text, style: 'plain' })

/** What stands behind the name. The most useful ones stay in a narrow terminal. */
const columns: readonly Column[] = [
  {
    title: 'STATE',
    cells: 13,
    from: 24,
    segment: ({ state }) => ({ text: state, style: stateStyles[state] }),
  },
  {
    title: 'RESTARTS',
    cells: 8,
    align: 'right',
    from: 48,
    segment: ({ restarts }) => ({ text: String(restarts), style: restarts > 0 ? 'bold' : 'dim' }),
  },
  {
    title: 'SINCE',
    cells: 7,
    align: 'right',
    from: 40,
    segment: ({ since }, now) => plain(ageText(now - since)),
  },
  { title: 'KIND', cells: 11, from: 90, segment: ({ kind }) => ({ text: printable(kind), style: 'dim' }) },
  {
    title: 'LAST ERROR',
    cells: 27,
    from: 76,
    segment: ({ error = '', suspended }) =>
      suspended
        ? { text: printable(`suspended ${error}`), style: 'cyan' }
        : { text: printable(error), style: 'yellow' },
  },
]

const GAP = '  '
const nameOf = ({ row, depth }: Branch): string => `${'  '.repeat(depth)}${printable(row.name)}`

/** Columns side by side; the name takes what they leave, and no more than it needs when there is no end. */
function tableLines(tree: readonly Branch[], all: readonly Branch[], view: TopView): readonly Line[] {
  const shown = columns.filter(({ from }) => view.columns >= from)
  const others = shown.reduce((sum, { cells }) => sum + cells + GAP.length, 0)
  const longest = Math.max(5, ...all.map(branch => width(nameOf(branch))))
  const nameCells = Math.max(1, Math.min(longest, view.columns - others))
  const head: Line = [
    { text: fitted('ACTOR', nameCells), style: 'dim' },
    ...shown.map(({ title, cells, align }) => ({
      text: GAP + fitted(title, cells, align),
      style: 'dim' as const,
    })),
  ]
  const lines = tree.map(
    (branch): Line => [
      plain(fitted(nameOf(branch), nameCells)),
      ...shown.map(({ cells, align, segment }) => {
        const { text, style } = segment(branch.row, view.now)
        return { text: GAP + fitted(text, cells, align), style }
      }),
    ],
  )
  return [head, ...lines]
}

function footLine(view: TopView, scroll: number, shown: number, all: number): Line {
  if (view.isTyping) return [{ text: `/${printable(view.filter ?? '')}`, style: 'bold' }, plain('_')]
  const filter = view.filter ? `filter ${printable(view.filter)}` : '/ filter'
  const place = all === 0 ? 'nothing' : `${scroll + 1}-${scroll + shown} of ${all}`
  return [{ text: `${place}   q quit   up down scroll   ${filter}`, style: 'dim' }]
}

/** The picture of a node: the same model and view give the same lines. Never wider or higher than the view. */
export function topPicture(model: TopModel, view: TopView): TopPicture {
  const tree = branches(model.rows, view.filter)
  const head = headLines(model, view.now)
  // The heading of the table and the line at the foot.
  const page = view.rows === undefined ? tree.length : Math.max(0, view.rows - head.length - 2)
  const scroll = Math.max(0, Math.min(view.scroll ?? 0, tree.length - page))
  const part = tree.slice(scroll, scroll + page)
  const table = model.isComplete ? tableLines(part, tree, view) : []
  const foot = view.rows === undefined ? [] : [footLine(view, scroll, part.length, tree.length)]
  const body = [...head, ...table]
  const room = view.rows === undefined ? body.length : Math.max(0, view.rows - foot.length)
  const blank = Array.from(
    { length: view.rows === undefined ? 0 : Math.max(0, room - body.length) },
    () => [],
  )
  const lines = [...body.slice(0, room), ...blank, ...foot].slice(0, view.rows)
  return { lines: lines.map(line => cutLine(line, view.columns)), scroll, page }
}

/** The picture as plain text, for a file or a pipe. */
export function plainText(lines: readonly Line[], cells = Number.POSITIVE_INFINITY): string {
  return lines
    .map(
      line =>
        `${cut(
          line
            .map(({ text }) => text)
            .join('')
            .trimEnd(),
          cells,
        )}\n`,
    )
    .join('')
}
