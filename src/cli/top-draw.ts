import { type Line, type Segment, type Style, width } from './top-text.ts'

/** The numbers of the look in the terminal's own sequences (SGR, ECMA-48). */
const looks: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  cyan: '36',
}

const ESCAPE = '\u001b['
/** From the cursor to the end of the line. */
const CLEAR_REST = `${ESCAPE}K`

const at = (row: number, column: number): string => `${ESCAPE}${row + 1};${column + 1}H`

function drawn({ text, style }: Segment, colour: boolean): string {
  const look = colour ? looks[style] : ''
  return look === '' ? text : `${ESCAPE}${look}m${text}${ESCAPE}m`
}

/** Line by line the same pieces at the same places: then only those that differ are drawn. */
const isAlike = (before: Line, after: Line): boolean =>
  before.length === after.length &&
  after.every(({ text }, index) => width(before[index]?.text ?? '') === width(text))

function redrawnLine(before: Line, after: Line, row: number, colour: boolean): string {
  if (!isAlike(before, after))
    // Cleared first: after a line that fills its row the cursor stands on the last cell, which would be cleared too.
    return `${at(row, 0)}${CLEAR_REST}${after.map(segment => drawn(segment, colour)).join('')}`
  let text = ''
  let column = 0
  /** Where the cursor stands already, after the piece before. */
  let cursor = -1
  for (const [index, segment] of after.entries()) {
    const end = column + width(segment.text)
    const old = before[index]
    if (old?.text !== segment.text || old.style !== segment.style) {
      text += (cursor === column ? '' : at(row, column)) + drawn(segment, colour)
      cursor = end
    }
    column = end
  }
  return text
}

/**
 * What a terminal must be told so that it shows `after` in place of `before`: only what differs, since the line to it may be slow.
 * @param before undefined when nobody knows what it shows
 */
export function redraw(before: readonly Line[] | undefined, after: readonly Line[], colour: boolean): string {
  if (before === undefined)
    return `${ESCAPE}2J${after.map((line, row) => redrawnLine([], line, row, colour)).join('')}`
  const rows = Math.max(before.length, after.length)
  let text = ''
  for (let row = 0; row < rows; row += 1)
    text += redrawnLine(before[row] ?? [], after[row] ?? [], row, colour)
  return text
}
