import { stringify } from 'yaml'
import { isValues } from './layers.ts'

/** Texts that need no quotes as far as their characters go, in lists too; what looks like a number still does. */
const plain = /^[\w./(][\w.:/() -]*$/

/** A value as YAML on one line. */
export function inlineYaml(value: unknown): string {
  if (typeof value === 'string')
    return plain.test(value) ? stringify(value, { lineWidth: 0 }).trim() : quoted(value)
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[ ${value.map(inlineYaml).join(', ')} ]`
  if (!isValues(value)) return stringify(value).trim()
  const entries = Object.entries(value).map(([key, inner]) => `${inlineYaml(key)}: ${inlineYaml(inner)}`)
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

/** In double quotes, with everything escaped that is not seen or that YAML takes as a line end or space. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/\p{C}|(?! )\p{Z}/gu, character => {
    const code = (character.codePointAt(0) ?? 0).toString(16)
    return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`
  })
}
