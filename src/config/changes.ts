import { isDeepStrictEqual } from 'node:util'
import { isValues } from './layers.ts'
import { formatPath, type Path } from './path.ts'
import type { Config } from './schema.ts'

/** The paths of the keys in which two configurations differ, such as `api.port`; a list counts as one value. */
export function changedKeys(before: Config, after: Config): readonly string[] {
  return differences(before, after, []).map(formatPath)
}

function differences(before: unknown, after: unknown, path: Path): readonly Path[] {
  if (!isValues(before) || !isValues(after)) return isDeepStrictEqual(before, after) ? [] : [path]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  const own = (values: Readonly<Record<string, unknown>>, key: string): unknown =>
    Object.hasOwn(values, key) ? values[key] : undefined
  return [...keys].flatMap(key => differences(own(before, key), own(after, key), [...path, key]))
}
