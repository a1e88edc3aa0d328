import { z } from 'zod'
import type { Path } from './path.ts'
import { configSchema } from './schema.ts'
import { formatDuration, longestProbeWindow } from './units.ts'

/** The part of JSON Schema (draft 2020-12) that the configuration uses. */
export interface Shape {
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Shape>>
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly type?: string
  readonly enum?: readonly string[]
  readonly const?: string
  readonly anyOf?: readonly Shape[]
  readonly items?: Shape
  readonly properties?: Readonly<Record<string, Shape>>
  readonly additionalProperties?: Shape | false
  readonly propertyNames?: Shape
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly writeOnly?: boolean
}

/** The configuration as JSON Schema, draft 2020-12: what an editor needs for completion and checks. */
export const configShape: Shape = {
  title: 'exovisor.yaml',
  description: 'the configuration of an Exovisor node',
  ...(z.toJSONSchema(configSchema, { io: 'input' }) as Shape),
}

/** Follows a reference to `$defs`. */
export function resolveShape(shape: Shape): Shape {
  const target =
    shape.$ref === undefined ? undefined : configShape.$defs?.[shape.$ref.replace('#/$defs/', '')]
  if (target === undefined) return shape
  const { $ref: _, ...own } = shape
  return { ...target, ...own }
}

/** The alternatives of a shape, references followed. */
function alternatives(shape: Shape): readonly Shape[] {
  const resolved = resolveShape(shape)
  return resolved.anyOf === undefined ? [resolved] : resolved.anyOf.flatMap(alternatives)
}

/** The keys that a section has; undefined for a shape that is no section. */
export function sectionKeys(shape: Shape): Readonly<Record<string, Shape>> | undefined {
  return alternatives(shape).find(({ properties }) => properties !== undefined)?.properties
}

/** What the values of a map with free keys look like; undefined for a shape that is no such map. */
export function mapValues(shape: Shape): Shape | undefined {
  const { properties, additionalProperties } = resolveShape(shape)
  return properties === undefined && additionalProperties !== false ? additionalProperties : undefined
}

/** The shape of one key or item of a shape. */
function childShape(shape: Shape, key: string): Shape | undefined {
  const keys = sectionKeys(shape)
  if (keys !== undefined) return Object.hasOwn(keys, key) ? keys[key] : undefined
  return mapValues(shape) ?? resolveShape(shape).items
}

/** The shape at a path; undefined when the configuration has no such place. */
export function shapeAt(path: Path): Shape | undefined {
  let shape: Shape | undefined = configShape
  for (const key of path) shape = shape && childShape(shape, key)
  return shape
}

/** True when only a text is accepted there, so that a text from outside needs no reading as YAML. */
export function isText(shape: Shape): boolean {
  return alternatives(shape).every(
    ({ type, enum: names, title }) => type === 'string' && names === undefined && title === undefined,
  )
}

/** True for a place whose value must not be shown. */
export function isSecret(shape: Shape): boolean {
  const resolved = resolveShape(shape)
  return resolved.writeOnly === true || resolved.items?.writeOnly === true
}

/** True for a place that is a secret or has one within it. */
export function holdsSecret(shape: Shape): boolean {
  return isSecret(shape) || Object.values(sectionKeys(shape) ?? {}).some(holdsSecret)
}

/** One short word for what stands there: for tables. */
export function typeName(shape: Shape): string {
  const resolved = resolveShape(shape)
  if (resolved.title !== undefined) return resolved.title
  if (resolved.const !== undefined) return resolved.const
  if (resolved.enum !== undefined) return resolved.enum.join(' | ')
  if (resolved.anyOf !== undefined) return resolved.anyOf.map(typeName).join(' | ')
  if (resolved.items !== undefined) return `list of ${typeName(resolved.items)}`
  if (shape.$ref === '#/$defs/policy') return 'policy'
  if (mapValues(resolved) !== undefined) return 'map'
  return { object: 'section', string: 'text', integer: 'integer', number: 'number', boolean: 'boolean' }[
    resolved.type ?? 'object'
  ] as string
}

/** What is accepted there, as the end of a sentence that begins with "expected". */
export function expectation(shape: Shape): string {
  const resolved = resolveShape(shape)
  if (resolved.title === 'duration')
    return `a duration such as 200ms, 10s, 5m or 1h${durationBounds(resolved)}`
  if (resolved.title === 'ratio') return `a ratio such as 3 of 5, out of at most ${longestProbeWindow}`
  if (resolved.title === 'policy name') return 'the name of a policy'
  if (resolved.const !== undefined) return resolved.const
  if (resolved.enum !== undefined) return `one of ${resolved.enum.join(', ')}`
  if (resolved.anyOf !== undefined) return resolved.anyOf.map(expectation).join(', or ')
  if (resolved.items !== undefined)
    return `a list of ${resolved.maxItems ?? 'any number of'} values at most, each ${expectation(resolved.items)}`
  if (resolved.properties !== undefined)
    return `keys and values (${Object.keys(resolved.properties).join(', ')})`
  if (resolved.type === 'boolean') return 'true or false'
  if (resolved.type === 'integer') return `a whole number ${range(resolved.minimum, resolved.maximum)}`
  if (resolved.type === 'number') return `a number ${range(resolved.minimum, resolved.maximum)}`
  if (resolved.type !== 'string') return 'names and values'
  return `a text of ${resolved.minLength ?? 0} to ${resolved.maxLength ?? 'any number of'} characters`
}

function range(least: number | undefined, most: number | undefined): string {
  return most === undefined || most === Number.MAX_SAFE_INTEGER
    ? `of at least ${least}`
    : `from ${least} to ${most}`
}

function durationBounds(shape: Shape): string {
  const { minimum = 0, maximum = 0 } = shape.anyOf?.find(({ type }) => type === 'integer') ?? {}
  return `, or a whole number of milliseconds, from ${formatDuration(minimum)} to ${formatDuration(maximum)}`
}
