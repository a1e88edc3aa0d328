import { ExovisorError } from '../errors.ts'
import type { Rule } from './policy-rules.ts'

/** One thing that is wrong with what a supervisor is made of. Plain data. */
export interface SpecFault {
  /** Where it stands, e.g. `children[2].dependsOn[0]`. */
  readonly path: string
  /** What is wrong there, to be read after the path. */
  readonly message: string
  readonly expected: string
}

const LONGEST_QUOTE = 100
const MOST_SHOWN = 10
const MOST_KEPT = 100

/** A value from outside for a message: short, whatever it is. */
export function quote(value: unknown): string {
  try {
    return quoted(value)
  } catch {
    return 'something that cannot be read'
  }
}

function quoted(value: unknown): string {
  if (typeof value === 'string') {
    const cut = value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}...` : value
    return JSON.stringify(cut)
  }
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  if (!Array.isArray(value)) return 'an object'
  return value.length > 5 ? `a list of ${value.length}` : `[${value.map(quoted).join(', ')}]`
}

/** True for an object with fields; false for what cannot be looked at. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  try {
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** What a getter threw may throw as well when it is looked at. */
function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message.slice(0, LONGEST_QUOTE) : 'it throws'
  } catch {
    return 'it throws'
  }
}

/** A key behind a path: `policies.kinds.peer`, `names["peer:attic"]`. */
export function keyed(path: string, key: string): string {
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${quote(key)}]`
  return path === '' ? key : `${path}.${key}`
}

/** Gathers all faults of an input that may hold anything, even getters that throw. */
export class SpecFaults {
  readonly list: SpecFault[] = []

  add(path: string, message: string, expected: string): void {
    this.list.push({ path, message, expected })
  }

  /** Adds those of these rules that do not hold; their paths are the result. */
  addBroken(rules: readonly Rule[], prefix: string): readonly string[] {
    const broken = rules.filter(([, , holds]) => !holds)
    for (const [path, value, , expected] of broken)
      this.add(prefix === '' ? path : `${prefix}.${path}`, `is ${quote(value)}`, expected)
    return broken.map(([path]) => path)
  }

  /** What `look` finds; undefined, and a fault, when looking throws. */
  attempt<T>(path: string, look: () => T): T | undefined {
    try {
      return look()
    } catch (error) {
      this.#unreadable(path, error)
      return undefined
    }
  }

  /** Some fields of an object, each read once. */
  fields<Key extends string>(
    value: object,
    keys: readonly Key[],
    path: string,
  ): Readonly<Record<Key, unknown>> {
    const source = value as Readonly<Record<string, unknown>>
    const read: Partial<Record<Key, unknown>> = {}
    for (const key of keys) {
      try {
        read[key] = source[key]
      } catch (error) {
        this.#unreadable(keyed(path, key), error)
      }
    }
    return read as Record<Key, unknown>
  }

  #unreadable(path: string, error: unknown): void {
    this.add(path, `cannot be read: ${reasonOf(error)}`, 'plain data')
  }
}

/** All faults as one EXO_CHILD_SPEC_INVALID: the first ten in its message, the first hundred in `details.faults`. */
export function faultsError(faults: readonly SpecFault[], supervisor: string): ExovisorError {
  const lines = faults
    .slice(0, MOST_SHOWN)
    .map(({ path, message, expected }) => `${path} ${message}, expected ${expected}`)
  const more = faults.length > MOST_SHOWN ? `; and ${faults.length - MOST_SHOWN} more` : ''
  return new ExovisorError(
    'EXO_CHILD_SPEC_INVALID',
    `supervisor ${JSON.stringify(supervisor)}: ${lines.join('; ')}${more}`,
    { details: { supervisor, count: faults.length, faults: faults.slice(0, MOST_KEPT) } },
  )
}
