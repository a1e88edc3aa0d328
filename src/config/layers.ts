import type { Path } from './path.ts'

/** Keys and values as a file writes them: durations like `10s`. */
export type Values = { readonly [key: string]: unknown }

/** Where a value comes from. */
export type Origin =
  | { readonly source: 'default' }
  | { readonly source: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly source: 'environment'; readonly variable: string }
  | { readonly source: 'flag'; readonly flag: string }

/** One source of values. */
export interface Layer {
  readonly values: Values
  /** Where the source has the value of a path, or its key; of a path that it lacks, the nearest place above. */
  origin(path: Path, part?: 'key' | 'value'): Origin
}

/** Several layers as one. */
export interface MergedLayers {
  readonly values: Values
  /** Where a value, or its key, comes from; of a section, the strongest source that says anything in it. */
  origin(path: Path, part?: 'key' | 'value'): Origin
}

/** True for keys and values, false for a list and a scalar. */
export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Lays one source over another: sections and maps key by key, lists and scalars as a whole. */
function overlay(below: unknown, above: unknown): unknown {
  if (!isValues(above)) return above
  const merged: Record<string, unknown> = isValues(below) ? { ...below } : {}
  for (const [key, value] of Object.entries(above)) merged[key] = overlay(merged[key], value)
  return merged
}

/** Lays each layer over those before it. */
export function mergeLayers(layers: readonly Layer[]): MergedLayers {
  const values = layers.reduce<unknown>((below, layer) => overlay(below, layer.values), {})
  const origin = (path: Path, part?: 'key' | 'value'): Origin => {
    for (const layer of layers.toReversed()) {
      // A layer that sets the place, something within it, or a list or scalar that replaces what it stood in.
      if (reaches(layer.values, path)) return layer.origin(path, part)
    }
    return { source: 'default' }
  }
  return { values: isValues(values) ? values : {}, origin }
}

/** True when the values say something about the place: an empty section says nothing. */
function reaches(values: Values, path: Path): boolean {
  let value: unknown = values
  for (const key of path) {
    if (!isValues(value)) return value !== undefined
    value = Object.hasOwn(value, key) ? value[key] : undefined
  }
  return saysSomething(value)
}

function saysSomething(value: unknown): boolean {
  return isValues(value) ? Object.values(value).some(saysSomething) : value !== undefined
}

/** The paths of all single values: scalars, lists and empty sections. */
export function valuePaths(values: unknown, path: Path = []): Path[] {
  if (!isValues(values) || Object.keys(values).length === 0) return [path]
  return Object.entries(values).flatMap(([key, value]) => valuePaths(value, [...path, key]))
}

/** One value that was set from outside the file. */
export interface Assignment {
  readonly path: Path
  readonly value: unknown
  readonly origin: Origin
}

/** A layer out of single assignments; where one stands within another, the deeper one wins. */
export function layerOfAssignments(assignments: readonly Assignment[]): Layer {
  const ordered = assignments.toSorted((a, b) => a.path.length - b.path.length)
  const values = ordered.reduce<unknown>(
    (below, { path, value }) =>
      overlay(
        below,
        path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value),
      ),
    {},
  )
  const origin = (path: Path): Origin => {
    const above = ordered.findLast(assignment => startsWith(path, assignment.path))
    const within = ordered.find(assignment => startsWith(assignment.path, path))
    return (above ?? within)?.origin ?? { source: 'default' }
  }
  return { values: isValues(values) ? values : {}, origin }
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((key, index) => path[index] === key)
}

/** An origin for people: `exovisor.yaml:3:9`, `EXOVISOR_API__PORT`, `--port`, `default`. */
export function formatOrigin(origin: Origin): string {
  switch (origin.source) {
    case 'default':
      return 'default'
    case 'file':
      return `${origin.file}:${origin.line}:${origin.column}`
    case 'environment':
      return origin.variable
    case 'flag':
      return origin.flag
  }
}
