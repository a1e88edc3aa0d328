import { defaultValues } from './describe.ts'
import { inlineYaml } from './inline-yaml.ts'
import { isValues, type Values } from './layers.ts'
import type { Path } from './path.ts'
import { builtinPolicies } from './policies.ts'
import { configShape, isSecret, mapValues, type Shape, sectionKeys, typeName } from './shape.ts'

/** What is written beside the values. */
interface Annotations {
  /** A line above the key. */
  above?(path: Path, shape: Shape): string | undefined
  /** A remark behind the value. */
  behind?(path: Path): string | undefined
  /** Whether a key that has no value is written, as a comment. */
  missing?(path: Path): boolean
}

/**
 * The text of a new configuration file: every key with its default and description; a key without a default is
 * commented out. Read again it says the same as no file at all.
 * @param schemaFile where an editor finds the JSON Schema, for completion; without it the file has no hint for editors
 */
export function configTemplate(schemaFile?: string): string {
  const head = [
    ...(schemaFile === undefined ? [] : [`# yaml-language-server: $schema=${schemaFile}`]),
    '# The configuration of an Exovisor node. Every key is here with its default; what you delete keeps it.',
    '# Durations are texts like 200ms, 10s, 5m or 1h, or numbers of milliseconds.',
    '# Check it with: exovisor config check',
  ]
  const lines = writeSection(configShape, defaultValues, [], {
    above: describe,
    missing: path => path[0] !== 'supervision',
  })
  return `${[...head, ...lines].join('\n')}\n`
}

/** Values as a configuration file, each with a remark if one is given. Secrets are hidden. */
export function writeValues(values: Values, behind?: (path: Path) => string | undefined): string {
  const lines = writeSection(configShape, hideSecrets(values), [], behind === undefined ? {} : { behind })
  return `${lines.join('\n')}\n`
}

/** The same values with a mask for each secret. */
export function hideSecrets(values: Values): Values {
  const hidden = hide(values, configShape)
  return isValues(hidden) ? hidden : {}
}

function hide(value: unknown, shape: Shape | undefined): unknown {
  if (shape !== undefined && isSecret(shape))
    return Array.isArray(value) ? value.map(() => '(hidden)') : '(hidden)'
  if (!isValues(value) || shape === undefined) return value
  const keys = sectionKeys(shape)
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, hide(inner, keys?.[key] ?? mapValues(shape))]),
  )
}

function describe(path: Path, shape: Shape): string | undefined {
  const [, map, name = ''] = path
  if (path[0] !== 'supervision' || path.length < 3) return shape.description
  if (map !== 'policies') return undefined
  if (path.length === 3)
    return Object.entries(builtinPolicies).find(([known]) => known === name)?.[1].description
  // The keys of a policy are described once, in the first one.
  return name === 'default' ? shape.description : undefined
}

function writeSection(shape: Shape, values: Values, path: Path, annotations: Annotations): string[] {
  const keys = sectionKeys(shape)
  const free = mapValues(shape) ?? {}
  const entries: [string, Shape][] = keys
    ? Object.entries(keys)
    : Object.keys(values).map(name => [name, free])
  return entries.flatMap(([key, child]) => {
    const at = [...path, key]
    const value = Object.hasOwn(values, key) ? values[key] : undefined
    const inner =
      isValues(value) && Object.keys(value).length > 0
        ? writeSection(child, value, at, annotations)
        : undefined
    const lines = inner ?? annotatedLine(child, value, at, annotations)
    if (lines.length === 0) return []
    const above = annotations.above?.(at, child)
    const gap = path.length === 0 && annotations.above !== undefined ? [''] : []
    const head = inner === undefined ? [] : [`${indent(path)}${inlineYaml(key)}:`]
    return [...gap, ...(above === undefined ? [] : [`${indent(path)}# ${above}`]), ...head, ...lines]
  })
}

function annotatedLine(shape: Shape, value: unknown, path: Path, annotations: Annotations): string[] {
  const key = `${indent(path.slice(1))}${inlineYaml(path.at(-1) ?? '')}:`
  const keys = sectionKeys(shape)
  if (value === undefined || (isValues(value) && keys !== undefined)) {
    if (!annotations.missing?.(path)) return []
    if (keys === undefined)
      return [`${indent(path.slice(1))}# ${inlineYaml(path.at(-1) ?? '')}: <${typeName(shape)}>`]
    return [key, ...writeSection(shape, {}, path, annotations)]
  }
  const remark = annotations.behind?.(path)
  return [`${key} ${inlineYaml(value)}${remark === undefined ? '' : ` # ${remark}`}`]
}

function indent(path: Path): string {
  return '  '.repeat(path.length)
}
