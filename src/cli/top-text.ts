/** How a piece of a picture looks. */
export type Style = 'plain' | 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'

/** A piece of a line. Its text holds nothing that a terminal would obey. */
export interface Segment {
  readonly text: string
  readonly style: Style
}

/** One line of a picture. */
export type Line = readonly Segment[]

/** What takes two cells in a terminal: the letters of East Asia, and most pictures. */
const wide =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{Emoji_Presentation}\u3000-\u303f\uff01-\uff60]/u

/** What takes no cell, or what a terminal would obey: marks, control characters, and those that turn the direction of text. */
const unprintable = /[\p{C}\p{M}\u2028\u2029]/gu

/** A text that may come from a file or from another machine, as a terminal can show it. */
export const printable = (text: string): string => text.normalize('NFC').replaceAll(unprintable, '·')

const cellsOf = (character: string): number => (wide.test(character) ? 2 : 1)

/** How many cells a printable text takes. */
export function width(text: string): number {
  let cells = 0
  for (const character of text) cells += cellsOf(character)
  return cells
}

/** The beginning of a text, as much as fits into so many cells. */
function beginning(text: string, cells: number): string {
  let kept = ''
  let room = cells
  for (const character of text) {
    room -= cellsOf(character)
    if (room < 0) break
    kept += character
  }
  return kept
}

/** The text in no more than so many cells; a `…` says that something is missing. */
export function cut(text: string, cells: number): string {
  if (width(text) <= cells) return text
  return cells <= 0 ? '' : `${beginning(text, cells - 1)}…`
}

/** The text in exactly so many cells. */
export function fitted(text: string, cells: number, align: 'left' | 'right' = 'left'): string {
  const kept = cut(text, cells)
  const space = ' '.repeat(Math.max(0, cells - width(kept)))
  return align === 'left' ? kept + space : space + kept
}

/** A line in no more than so many cells; a `…` says that something is missing. */
export function cutLine(line: Line, cells: number): Line {
  if (line.reduce((sum, { text }) => sum + width(text), 0) <= cells) return line
  if (cells <= 0) return []
  const kept: Segment[] = []
  let room = cells - 1
  for (const { text, style } of line) {
    const part = beginning(text, room)
    kept.push({ text: part, style })
    room -= width(part)
    if (part !== text) break
  }
  return [...kept, { text: '…', style: 'dim' }]
}

const MINUTE = 60
const HOUR = 3_600
const DAY = 86_400

/** A time in its largest unit, so that it changes seldom: `12 s`, `3 min`, `2 h`, `5 d`. */
export function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000))
  if (seconds < MINUTE) return `${seconds} s`
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`
  return `${Math.floor(seconds / DAY)} d`
}

const units = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes for people: `300 MiB`. */
export function bytesText(bytes: number): string {
  let value = bytes / 1_024
  let unit = 0
  for (; value >= 1_024 && unit < units.length - 1; unit += 1) value /= 1_024
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}
