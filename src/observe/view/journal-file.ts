import { ExovisorError } from '../../errors.ts'
import type { JournalLine } from './messages.ts'

const FORMAT = 'exovisor.journal'
const VERSION = 1

/** The first line of a journal file. */
export interface JournalHeader {
  readonly format: typeof FORMAT
  readonly version: typeof VERSION
  /** The name of the node that the journal is of. */
  readonly node: string
  /** When it was exported, in milliseconds since 1970. */
  readonly time: number
  /** How many lines follow, without the footer. */
  readonly lines: number
}

/**
 * Writes a journal as a file: JSON lines, a header with version and count, and a footer, so that one that was cut off is known as such.
 * Gives it line by line, so that a large one need not be held in memory twice.
 */
export function* journalFile(
  lines: readonly JournalLine[],
  { node, time }: Pick<JournalHeader, 'node' | 'time'>,
): Generator<string, void, undefined> {
  const header: JournalHeader = { format: FORMAT, version: VERSION, node, time, lines: lines.length }
  yield `${JSON.stringify(header)}\n`
  for (const line of lines) yield `${JSON.stringify(line)}\n`
  yield `${JSON.stringify({ format: FORMAT, end: true, lines: lines.length })}\n`
}

/**
 * Reads what {@link journalFile} wrote.
 * @throws EXO_JOURNAL_INVALID naming the line that is cut off, or is none of a journal
 */
export function parseJournalFile(text: string): {
  readonly header: JournalHeader
  readonly lines: readonly JournalLine[]
} {
  const texts = text.split('\n')
  if (texts.at(-1) === '') texts.pop()
  const header = headerOf(parsed(texts[0] ?? '', 1))
  const lines: JournalLine[] = []
  for (let index = 1; index <= header.lines; index += 1)
    lines.push(lineOf(textAt(texts, index), index + 1, lines.at(-1)?.sequence ?? 0))
  const end = header.lines + 1
  if (!isFooter(parsed(textAt(texts, end), end + 1), header.lines))
    throw invalid(end + 1, `it is not the footer, which comes after ${header.lines} lines`)
  if (texts.length > end + 1) throw invalid(end + 2, 'it comes after the footer')
  return { header, lines }
}

const invalid = (line: number, why: string, cause?: unknown): ExovisorError =>
  new ExovisorError('EXO_JOURNAL_INVALID', `line ${line} of the journal file: ${why}`, {
    cause,
    details: { line },
  })

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

function textAt(texts: readonly string[], index: number): string {
  const text = texts[index]
  if (text === undefined) throw invalid(index + 1, 'it is missing, the file is cut off')
  return text
}

function parsed(text: string, line: number): Fields {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid(line, line === 1 ? 'this is no journal' : 'it is no JSON; is the file cut off?', cause)
  }
  if (!isFields(value)) throw invalid(line, 'expected a JSON object')
  return value
}

function headerOf(fields: Fields): JournalHeader {
  const { format, version, node, time, lines } = fields
  if (format !== FORMAT) throw invalid(1, 'this is no journal')
  if (version !== VERSION)
    throw invalid(
      1,
      `its version is ${JSON.stringify(version)}, expected ${VERSION}; read it with the program that wrote it`,
    )
  if (typeof node !== 'string' || !Number.isFinite(time) || !isCount(lines))
    throw invalid(1, 'expected a header with node, time and lines')
  return { format, version, node, time: Number(time), lines }
}

const isFooter = ({ format, end, lines }: Fields, count: number): boolean =>
  format === FORMAT && end === true && lines === count

function lineOf(text: string, line: number, after: number): JournalLine {
  const fields = parsed(text, line)
  const { sequence, time, event } = fields
  if (!isCount(sequence) || !Number.isFinite(time) || !isFields(event) || typeof event['type'] !== 'string')
    throw invalid(line, 'expected sequence, time and event')
  if (sequence < after) throw invalid(line, `its sequence number ${sequence} comes after ${after}`)
  if (event['type'] === 'rows' && !isRows(event))
    throw invalid(line, 'expected rows that have changed, and paths that were removed')
  return fields as unknown as JournalLine
}

function isRows({ changed, removed }: Fields): boolean {
  return (
    Array.isArray(changed) &&
    changed.every(
      row => isFields(row) && typeof row['path'] === 'string' && typeof row['state'] === 'string',
    ) &&
    Array.isArray(removed) &&
    removed.every(path => typeof path === 'string')
  )
}
