import { crossFaults } from './check.ts'
import { defaultValues, knownPaths } from './describe.ts'
import { readEnvironment, readFlags } from './environment.ts'
import { type ConfigFault, configFault, configInvalid, schemaFaults } from './faults.ts'
import { isValues, type Layer, layerOfAssignments, mergeLayers, type Origin, type Values } from './layers.ts'
import { type Path, parsePath } from './path.ts'
import { type Config, configSchema } from './schema.ts'
import { configShape, mapValues, type Shape, sectionKeys } from './shape.ts'
import { readYaml } from './yaml.ts'

/** Everything that says something about the configuration, the weakest first. */
export interface ConfigSources {
  /** The text of the configuration file. */
  readonly text?: string
  /** What the file is called in faults and origins. Default: exovisor.yaml. */
  readonly file?: string
  /** Environment variables; those that begin with EXOVISOR_ count. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** What the command line sets: paths like `api.port` with their values; undefined counts as not given. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** Kinds of resource that exist beside those of a node, so that `supervision.kinds` may name them. */
  readonly extraKinds?: readonly string[]
}

/** A configuration without faults. */
export interface LoadedConfig {
  readonly config: Config
  /** The same in the form of the file: durations as they were written, defaults filled in. Holds secrets. */
  readonly values: Values
  /** Where the value of a path like `api.port` comes from; of a section, the strongest source that says anything in it. */
  origin(path: string): Origin
  /** The file that was read, if one was. */
  readonly file?: string
}

/**
 * Joins defaults, file, environment and flags, each stronger than those before it.
 * @throws EXO_CONFIG_INVALID with every fault of every source in `details.faults`, a list of {@link ConfigFault}
 */
export function parseConfig(sources: ConfigSources): LoadedConfig {
  const { text, env = {}, flags = {}, extraKinds = [] } = sources
  const file = fileLayer(text ?? '', sources.file ?? 'exovisor.yaml')
  const below = mergeLayers([defaultLayer, file.layer])
  const environment = readEnvironment(env, below.values, knownPaths)
  const commandLine = readFlags(flags, knownPaths)
  const outside = [environment, commandLine].map(({ assignments }) =>
    emptied(layerOfAssignments(assignments)),
  )
  const merged = mergeLayers([defaultLayer, file.layer, ...outside])
  const faults = [
    ...file.faults,
    ...environment.faults,
    ...commandLine.faults,
    ...outside.flatMap(layer => schemaFaults(layer)),
    ...crossFaults(merged, extraKinds),
  ]
  if (faults.length > 0) throw configInvalid(sorted(faults))
  return {
    config: configSchema.parse(merged.values),
    values: merged.values,
    origin: path => {
      const parsed = parsePath(path)
      return parsed === undefined ? { source: 'default' } : merged.origin(parsed)
    },
    ...(text !== undefined && { file: sources.file ?? 'exovisor.yaml' }),
  }
}

const defaultLayer: Layer = { values: defaultValues, origin: () => ({ source: 'default' }) }

function fileLayer(
  text: string,
  file: string,
): { readonly layer: Layer; readonly faults: readonly ConfigFault[] } {
  const source = readYaml(text)
  const origin = (path: Path, part: 'key' | 'value' = 'value'): Origin => {
    for (let length = path.length; length >= 0; length -= 1) {
      const position = source.position(path.slice(0, length), part)
      if (position !== undefined) return { source: 'file', file, ...position }
    }
    return { source: 'file', file, line: 1, column: 1 }
  }
  const textFaults = source.faults.map(({ path, line, column, message }) =>
    configFault({ source: 'file', file, line, column }, path, message),
  )
  const whole = withoutEmptySections(source.value ?? {}, configShape)
  const layer = { values: isValues(whole) ? whole : {}, origin }
  return { layer, faults: [...textFaults, ...schemaFaults(layer, whole)] }
}

function emptied(layer: Layer): Layer {
  const values = withoutEmptySections(layer.values, configShape)
  return { ...layer, values: isValues(values) ? values : {} }
}

/** Takes away sections and maps that hold nothing: `api:` with all its keys commented out. */
function withoutEmptySections(value: unknown, shape: Shape): unknown {
  if (!isValues(value)) return value
  const keys = sectionKeys(shape)
  const entries = Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    const child = keys === undefined ? mapValues(shape) : Object.hasOwn(keys, key) ? keys[key] : undefined
    if (child === undefined) return [[key, inner]]
    const hasKeys = sectionKeys(child) !== undefined || mapValues(child) !== undefined
    return inner === null && hasKeys ? [] : [[key, withoutEmptySections(inner, child)]]
  })
  return Object.fromEntries(entries)
}

const rank = { default: 0, file: 1, environment: 2, flag: 3 } as const

function sorted(faults: readonly ConfigFault[]): ConfigFault[] {
  return faults.toSorted(
    (a, b) =>
      rank[a.source] - rank[b.source] || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  )
}
