import { causeOf, isError, isExovisorError, thrownText } from '../../errors.ts'
import type { CauseRecord, SupervisionEvent } from './types.ts'

const LONGEST_TEXT = 2_000
const LONGEST_DETAIL = 500
const MOST_DETAILS = 32
const DEEPEST_DETAIL = 3
const DEEPEST_CAUSE = 8

export type ErrorFacts = Pick<SupervisionEvent, 'error' | 'causes'>

/** A text cut to `longest` characters. */
export function bounded(text: string, longest = LONGEST_TEXT): string {
  if (text.length <= longest) return text
  // A slice would keep the whole of a long text in memory: this is a copy.
  return `${text
    .slice(0, longest - 1)
    .split('')
    .join('')}…`
}

function causeRecord(cause: unknown): CauseRecord {
  try {
    return isError(cause) ? errorRecord(cause) : { message: bounded(thrownText(cause)) }
  } catch {
    return { message: bounded(thrownText(cause)) }
  }
}

function errorRecord(cause: Error & { readonly code?: unknown }): CauseRecord {
  const { code, name } = cause
  const isNamed = typeof name === 'string' && name !== 'Error' && name !== 'ExovisorError'
  return {
    ...(typeof code === 'string' && { code: bounded(code, LONGEST_DETAIL) }),
    ...(isNamed && { name: bounded(name, LONGEST_DETAIL) }),
    message: bounded(thrownText(cause)),
  }
}

/** The causes behind an error, nearest first: at most eight, each once. */
function causesOf(error: unknown): readonly CauseRecord[] | undefined {
  let cause = causeOf(error)
  if (cause === undefined) return undefined
  const seen: unknown[] = [error]
  const causes: CauseRecord[] = []
  while (cause !== undefined && !seen.includes(cause)) {
    seen.push(cause)
    causes.push(causeRecord(cause))
    if (causes.length === DEEPEST_CAUSE) break
    cause = causeOf(cause)
  }
  return causes
}

/** A copy that JSON can hold, with at most {@link MOST_DETAILS} values in all. */
function copied(details: object): Readonly<Record<string, unknown>> | undefined {
  let left = MOST_DETAILS
  const copy = (value: unknown, depth: number): unknown => {
    left -= 1
    if (value === null || typeof value === 'boolean') return value
    // The sum makes a zero of a negative one, which JSON does not have.
    if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : String(value)
    if (typeof value !== 'object') return bounded(String(value), LONGEST_DETAIL)
    if (depth === DEEPEST_DETAIL) return Object.prototype.toString.call(value)
    return Array.isArray(value) ? list(value, depth) : record(value, depth)
  }
  const list = (values: readonly unknown[], depth: number): unknown[] => {
    const kept: unknown[] = []
    for (const value of values) {
      if (left <= 0) break
      kept.push(copy(value, depth + 1))
    }
    return kept
  }
  const record = (value: object, depth: number): Record<string, unknown> => {
    const kept: [string, unknown][] = []
    for (const [key, each] of Object.entries(value)) {
      if (left <= 0) break
      if (each !== undefined) kept.push([bounded(key, LONGEST_DETAIL), copy(each, depth + 1)])
    }
    return Object.fromEntries(kept)
  }
  const kept = record(details, 0)
  return Object.keys(kept).length > 0 ? kept : undefined
}

/** The same, or undefined where there is nothing to copy. Never throws. */
function plainCopy(details: object): Readonly<Record<string, unknown>> | undefined {
  try {
    return Object.keys(details).length > 0 ? copied(details) : undefined
  } catch {
    return undefined
  }
}

/** What an event says of an error: plain data of bounded size, whatever the error carries. Never throws. */
export function errorFacts(error: unknown): ErrorFacts {
  const ours = isExovisorError(error) ? error : undefined
  const code = ours?.code ?? 'EXO_INTERNAL'
  const message = bounded(thrownText(error))
  const details = ours && plainCopy(ours.details)
  const causes = causesOf(error)
  const record = details ? { code, message, details } : { code, message }
  return causes ? { error: record, causes } : { error: record }
}
