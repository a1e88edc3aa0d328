import { type ConfigFault, configFault, unknownWord } from './faults.ts'
import { type Assignment, isValues, type Origin, type Values } from './layers.ts'
import { nearest } from './nearest.ts'
import { formatPath, type Path, parsePath } from './path.ts'
import { configShape, isText, mapValues, type Shape, sectionKeys, shapeAt } from './shape.ts'
import { readYaml } from './yaml.ts'

/** Variables that begin with EXOVISOR_ and are no key of the configuration. */
export const otherVariables: Readonly<Record<string, string>> = {
  EXOVISOR_CONFIG: 'the path of the configuration file, when --config does not give one',
}

/** What was read of a source that sets single keys. */
interface Assignments {
  readonly assignments: readonly Assignment[]
  readonly faults: readonly ConfigFault[]
}

const prefix = /^EXOVISOR_/i
const longestValue = 65_536

/** The variable that sets a key: `engine.prefillChunk` is `EXOVISOR_ENGINE__PREFILL_CHUNK`. */
export function environmentName(path: Path): string {
  const segments = path.map(key => {
    const words = key.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').toUpperCase()
    return key === '<name>' ? words : words.replaceAll(/\W+/g, '_')
  })
  return `EXOVISOR_${segments.join('__')}`
}

/**
 * Reads the variables `EXOVISOR_SECTION__KEY`. Two underscores go one level down; case and single underscores do not
 * count. In a map with free names (`supervision.names`) punctuation does not count either: PEER_ATTIC is `peer:attic`
 * if that name is there, else a new name in small letters. A key that takes a text takes the value as it is, any other
 * key reads it as YAML, so that whole sections, maps and lists can be given too. An empty variable counts as not set.
 * @param below what the sources that yield to the environment say: the names that are already there
 * @param known the paths that a wrong name may have been meant for
 */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  below: Values,
  known: readonly Path[],
): Assignments {
  const assignments: Assignment[] = []
  const faults: ConfigFault[] = []
  const setters = new Map<string, string>()
  for (const [variable, text] of Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (
      !prefix.test(variable) ||
      variable.toUpperCase() in otherVariables ||
      text === undefined ||
      text === ''
    )
      continue
    const origin: Origin = { source: 'environment', variable }
    const path = findPath(variable.replace(prefix, '').split('__'), below)
    if (path === undefined) {
      const names = [...known.map(environmentName), ...Object.keys(otherVariables)]
      faults.push(unknownVariable(origin, variable, names))
      continue
    }
    const first = setters.get(formatPath(path))
    if (first !== undefined) faults.push(configFault(origin, path, `the variable ${first} sets the same key`))
    setters.set(formatPath(path), variable)
    const { value, fault } = readSetting(text, path, origin)
    if (fault === undefined) assignments.push({ path, value, origin })
    else faults.push(fault)
  }
  return { assignments, faults }
}

/** Takes what the command line sets: paths like `api.port` with their values; a text is read as in the environment. */
export function readFlags(flags: Readonly<Record<string, unknown>>, known: readonly Path[]): Assignments {
  const assignments: Assignment[] = []
  const faults: ConfigFault[] = []
  for (const [text, given] of Object.entries(flags)) {
    if (given === undefined) continue
    const origin: Origin = { source: 'flag', flag: `flag ${text}` }
    const path = parsePath(text)
    if (path === undefined || path.length === 0 || shapeAt(path) === undefined) {
      faults.push(unknownWord(origin, [], 'the key', text, known.map(formatPath)))
      continue
    }
    const { value, fault } =
      typeof given === 'string' ? readSetting(given, path, origin) : { value: given, fault: undefined }
    if (fault === undefined) assignments.push({ path, value, origin })
    else faults.push(fault)
  }
  return { assignments, faults }
}

function unknownVariable(origin: Origin, variable: string, names: readonly string[]): ConfigFault {
  const suggestion = nearest(
    variable.replace(prefix, ''),
    names.map(name => name.replace(prefix, '')),
  )
  const meant = suggestion === undefined ? undefined : `EXOVISOR_${suggestion}`
  const hint = meant === undefined ? 'expected EXOVISOR_SECTION__KEY' : `did you mean ${meant}?`
  return configFault(origin, [], `no key of the configuration has the variable ${variable}, ${hint}`, {
    expected: 'EXOVISOR_SECTION__KEY',
    suggestion: meant,
  })
}

function readSetting(text: string, path: Path, origin: Origin): { value?: unknown; fault?: ConfigFault } {
  if (text.length > longestValue)
    return {
      fault: configFault(
        origin,
        path,
        `the value has ${text.length} characters, expected at most ${longestValue}`,
      ),
    }
  if (isText(shapeAt(path) ?? configShape)) return { value: text }
  const { value, faults } = readYaml(text)
  const [first] = faults
  return first === undefined
    ? { value }
    : {
        fault: configFault(origin, [...path, ...first.path], `the value is not YAML: ${first.message}`, {
          expected: 'a YAML value',
        }),
      }
}

const plainKey = (text: string): string => text.toLowerCase().replaceAll('_', '')
const plainName = (text: string): string => text.toLowerCase().replaceAll(/[^a-z\d]/g, '')

function findPath(segments: readonly string[], below: Values): Path | undefined {
  const path: string[] = []
  let shape: Shape = configShape
  let values: unknown = below
  for (const segment of segments) {
    const keys = sectionKeys(shape)
    const free = keys === undefined ? mapValues(shape) : undefined
    if (segment === '' || (keys === undefined && free === undefined)) return undefined
    const key = keys
      ? Object.keys(keys).find(name => plainKey(name) === plainKey(segment))
      : path.at(-1) === 'decide'
        ? segment // Codes and classes are told apart by their case.
        : freeName(segment, isValues(values) ? Object.keys(values) : [])
    const next: Shape | undefined = key === undefined ? undefined : (keys?.[key] ?? free)
    if (key === undefined || next === undefined) return undefined
    path.push(key)
    shape = next
    values = isValues(values) && Object.hasOwn(values, key) ? values[key] : undefined
  }
  return path
}

/** The name that is there and fits, or a new one; undefined when several fit and none of them exactly. */
function freeName(segment: string, names: readonly string[]): string | undefined {
  const fitting = names.filter(name => plainName(name) === plainName(segment))
  const exact = fitting.find(name => name === segment.toLowerCase())
  if (exact !== undefined || fitting.length > 1) return exact
  return fitting[0] ?? segment.toLowerCase()
}
