import { styleText } from 'node:util'
import { printable } from './printable.ts'

type Style = 'red' | 'yellow' | 'green' | 'cyan' | 'dim' | 'bold'

/** A cell: text alone, or text with a colour. */
export type Cell = string | { readonly text: string; readonly style: Style }

/** What the lines are for. */
export interface Paper {
  /** Whether colours are shown. Default: false. */
  readonly colour?: boolean
  /** How many characters a line may have; longer cells are cut. Default: as many as there are. */
  readonly width?: number
}

/** No column is cut to less than this. */
const LEAST_WIDTH = 12

const GAP = '  '

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text)

/** One line of text, at most so long; what is cut off is shown by an ellipsis. */
function cut(text: string, length: number): string {
  const line = printable(text).replaceAll('\n', ' ')
  const characters = [...line]
  return characters.length <= length ? line : `${characters.slice(0, Math.max(0, length - 1)).join('')}…`
}

const lengthOf = (text: string): number => [...text].length

/** Text in a colour, if colours are shown. */
export function coloured(text: string, style: Style, { colour = false }: Paper): string {
  return colour ? styleText(style, text, { validateStream: false }) : text
}

/** Columns as wide as what stands in them. On narrow paper the widest columns are cut first. */
export function table(rows: readonly (readonly Cell[])[], paper: Paper = {}): string {
  const lines = rows.map(row =>
    row.map(cell => ({
      text: cut(textOf(cell), Number.POSITIVE_INFINITY),
      style: typeof cell === 'string' ? undefined : cell.style,
    })),
  )
  const natural = (rows[0] ?? []).map((_, column) =>
    Math.max(0, ...lines.map(line => lengthOf(line[column]?.text ?? ''))),
  )
  const widths = fitting(natural, paper.width)
  return lines
    .map(line =>
      line
        .map(({ text, style }, column) => {
          const shown = cut(text, widths[column] ?? 0)
          const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(shown)))
          return `${style ? coloured(shown, style, paper) : shown}${column === line.length - 1 ? '' : padding}`
        })
        .join(GAP)
        .trimEnd(),
    )
    .join('\n')
}

function fitting(natural: readonly number[], width: number | undefined): readonly number[] {
  if (width === undefined) return natural
  const widths = [...natural]
  const room = width - GAP.length * (widths.length - 1)
  for (;;) {
    const sum = widths.reduce((total, each) => total + each, 0)
    const widest = Math.max(...widths)
    if (sum <= room || widest <= LEAST_WIDTH) return widths
    const column = widths.indexOf(widest)
    // At once to the width of the next one, so that this ends soon.
    const next = Math.max(LEAST_WIDTH, ...widths.filter(each => each < widest))
    widths[column] = Math.max(next, widest - (sum - room), LEAST_WIDTH)
    if (widths[column] === widest) widths[column] = widest - 1
  }
}
