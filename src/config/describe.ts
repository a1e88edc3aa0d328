import { environmentName } from './environment.ts'
import { inlineYaml } from './inline-yaml.ts'
import { isValues, type Values } from './layers.ts'
import { formatPath, type Path } from './path.ts'
import { builtinKinds, builtinPolicies } from './policies.ts'
import { configShape, mapValues, type Shape, sectionKeys, typeName } from './shape.ts'

/** One key of the configuration, as documents describe it. */
export interface ConfigKey {
  /** `api.port`; in a map with free names `<name>` stands for each of them. */
  readonly path: string
  /** `section` and `map` have keys of their own. */
  readonly type: string
  /** The default as YAML on one line; undefined for a section and for a key that has none. */
  readonly default: string | undefined
  readonly description: string
  /** The variable that sets it. */
  readonly environment: string
}

/** Every key of the configuration in the order of the file, sections included. */
export function describeConfig(): readonly ConfigKey[] {
  return describeKeys(configShape, [], defaultValues)
}

function describeKeys(shape: Shape, path: Path, defaults: unknown): ConfigKey[] {
  return Object.entries(sectionKeys(shape) ?? {}).flatMap(([key, child]) => {
    const at = [...path, key]
    const value = isValues(defaults) ? defaults[key] : undefined
    const inner = sectionKeys(child)
    const entry = describeKey(child, at, inner === undefined ? value : undefined)
    const policies = formatPath(at) === 'supervision.policies'
    return [
      entry,
      ...(inner === undefined ? [] : describeKeys(child, at, value)),
      ...(policies
        ? describeKeys(mapValues(child) ?? {}, [...at, '<name>'], builtinPolicies.default.policy)
        : []),
    ]
  })
}

function describeKey(shape: Shape, path: Path, value: unknown): ConfigKey {
  return {
    path: formatPath(path).replace('["<name>"]', '.<name>'),
    type: sectionKeys(shape) === undefined ? typeName(shape) : 'section',
    // The built-in policies have a table of their own; one line cannot hold them.
    default:
      value === undefined
        ? undefined
        : formatPath(path) === 'supervision.policies'
          ? Object.keys(builtinPolicies).join(', ')
          : inlineYaml(value),
    description: shape.description ?? '',
    environment: environmentName(path),
  }
}

/** What the configuration says when nothing else does, in the form of the file; keys without a default are left out. */
export const defaultValues: Values = defaultsOf(configShape)

function defaultsOf(shape: Shape): Values {
  const values = Object.entries(sectionKeys(shape) ?? {}).map(([key, child]) => [
    key,
    sectionKeys(child) === undefined ? child.default : defaultsOf(child),
  ])
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

/** The paths of all single values, also in the maps that are filled by default: what a wrong name may have been meant for. */
export const knownPaths: readonly Path[] = describeConfig()
  .filter(({ type }) => type !== 'section')
  .flatMap(({ path }) =>
    path.includes('<name>')
      ? Object.keys(builtinPolicies).map(name => path.replace('<name>', name).split('.'))
      : [path.split('.')],
  )
  .concat(Object.keys(builtinKinds).map(kind => ['supervision', 'kinds', kind]))
