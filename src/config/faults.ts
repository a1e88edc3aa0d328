import type { z } from 'zod'
import { ExovisorError } from '../errors.ts'
import { formatOrigin, isValues, type Layer, type Origin } from './layers.ts'
import { nearest } from './nearest.ts'
import { formatPath, type Path } from './path.ts'
import { configSchema } from './schema.ts'
import { configShape, expectation, holdsSecret, type Shape, sectionKeys, shapeAt } from './shape.ts'

/** One thing that is wrong in the configuration. */
export interface ConfigFault {
  /** Where it stands, for people: `exovisor.yaml:3:9`, `EXOVISOR_API__PORT`, `--port`. */
  readonly place: string
  readonly source: Origin['source']
  /** Only of a fault in a file; both counted from 1. */
  readonly line?: number
  readonly column?: number
  /** The key, like `api.port`; empty when the fault is of the text and not of a key. */
  readonly path: string
  /** A sentence that names the offending value (unless it is a secret) and what was expected. */
  readonly message: string
  readonly expected?: string
  /** What was most likely meant. */
  readonly suggestion?: string
}

/** Builds a fault out of where it stands and what is wrong. */
export function configFault(
  origin: Origin,
  path: Path,
  message: string,
  more: { readonly expected?: string; readonly suggestion?: string | undefined } = {},
): ConfigFault {
  return {
    place: formatOrigin(origin),
    source: origin.source,
    ...(origin.source === 'file' && { line: origin.line, column: origin.column }),
    path: formatPath(path),
    message,
    ...(more.expected !== undefined && { expected: more.expected }),
    ...(more.suggestion !== undefined && { suggestion: more.suggestion }),
  }
}

/** A fault about a word that is none of the known ones. */
export function unknownWord(
  origin: Origin,
  path: Path,
  what: string,
  word: string,
  known: readonly string[],
): ConfigFault {
  const suggestion = nearest(word, known)
  const expected = `one of ${known.join(', ')}`
  const hint = suggestion === undefined ? `expected ${expected}` : `did you mean ${suggestion}?`
  return configFault(origin, path, `${what} ${JSON.stringify(shorten(word))} is unknown, ${hint}`, {
    expected,
    suggestion,
  })
}

/** Checks the values of one layer against the schema and gives every fault, each with its place. */
export function schemaFaults(layer: Layer, values: unknown = layer.values): ConfigFault[] {
  const result = configSchema.safeParse(values)
  if (result.success) return []
  return result.error.issues.flatMap(issue => issueFaults(issue, [], values, layer))
}

function issueFaults(issue: z.core.$ZodIssue, base: Path, values: unknown, layer: Layer): ConfigFault[] {
  const path = [...base, ...issue.path.map(String)]
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey([...path, key], layer))
  if (issue.code === 'invalid_key') return [badName(path, layer)]
  const value = valueAt(values, path)
  if (issue.code === 'invalid_union' && isValues(value)) {
    // Of "a name or a section", a section was given: only the faults within it help.
    const within = issue.errors.find(issues =>
      issues.some(({ path: at, code }) => at.length > 0 || code === 'unrecognized_keys'),
    )
    if (within !== undefined) return within.flatMap(inner => issueFaults(inner, path, values, layer))
  }
  const shape = shapeAt(path) ?? configShape
  const expected = expectation(shape)
  const got =
    holdsSecret(shape) && !isNothing(value) ? 'another value (not shown, it may be a secret)' : render(value)
  return [configFault(layer.origin(path), path, `expected ${expected}, got ${got}`, { expected })]
}

function unknownKey(path: Path, layer: Layer): ConfigFault {
  const keys = Object.keys(sectionKeys(shapeAt(path.slice(0, -1)) ?? configShape) ?? {})
  return unknownWord(layer.origin(path, 'key'), path, 'the key', path.at(-1) ?? '', keys)
}

function badName(path: Path, layer: Layer): ConfigFault {
  const names: Shape = shapeAt(path.slice(0, -1))?.propertyNames ?? { type: 'string', minLength: 1 }
  const expected = `${expectation(names)} as name`
  return configFault(layer.origin(path, 'key'), path, `expected ${expected}, got ${render(path.at(-1))}`, {
    expected,
  })
}

function valueAt(values: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value[Number(key)]
    return isValues(value) && Object.hasOwn(value, key) ? value[key] : undefined
  }, values)
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null
}

function render(value: unknown): string {
  if (isNothing(value)) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  return isValues(value) ? 'keys and values' : shorten(JSON.stringify(value))
}

function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

/** The error that stands for all faults: its message lists each on a line of its own, `details.faults` has them as data. */
export function configInvalid(faults: readonly ConfigFault[]): ExovisorError {
  const lines = faults.map(
    ({ place, path, message }) => `  ${place}  ${path === '' ? '' : `${path}: `}${message}`,
  )
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`
  return new ExovisorError('EXO_CONFIG_INVALID', [`the configuration has ${count}:`, ...lines].join('\n'), {
    details: { faults },
  })
}
