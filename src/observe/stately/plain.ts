/** How much of one value is told. */
export interface PlainLimits {
  /** Values within it, nested ones included. */
  readonly values: number
  /** Characters of all texts and names within it together. */
  readonly characters: number
  readonly depth: number
}

const defaults: PlainLimits = { values: 2_000, characters: 32_768, depth: 10 }

interface Rest {
  values: number
  characters: number
}

const CUT = '…'

function cut(text: string, rest: Rest): string {
  const kept = text.length <= rest.characters ? text : `${text.slice(0, Math.max(0, rest.characters))}${CUT}`
  rest.characters -= kept.length
  return kept
}

/** An object that is written in a way of its own: by its `toJSON`, as its name, or as the facts of an error. */
function special(value: object): { readonly instead: unknown } | undefined {
  if (value instanceof Error) {
    const { code } = value as { readonly code?: unknown }
    return { instead: { name: value.name, message: value.message, ...(code !== undefined && { code }) } }
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return { instead: `[${value.constructor.name} of ${value.byteLength} bytes]` }
  if (value instanceof Map || value instanceof Set)
    return { instead: `[${value.constructor.name} of ${value.size}]` }
  const { toJSON } = value as { readonly toJSON?: unknown }
  return typeof toJSON === 'function' ? { instead: (toJSON as () => unknown).call(value) } : undefined
}

function entries(value: object, path: readonly object[], rest: Rest): unknown {
  const inside = [...path, value]
  if (Array.isArray(value)) {
    const items: unknown[] = []
    for (const item of value) {
      if (rest.values <= 0 || rest.characters <= 0) return [...items, CUT]
      items.push(plainPart(item, inside, rest))
    }
    return items
  }
  const fields: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    if (rest.values <= 0 || rest.characters <= 0) return { ...fields, [CUT]: CUT }
    const field = plainPart((value as Readonly<Record<string, unknown>>)[key], inside, rest)
    // Defined and not set: `__proto__` is a name like others.
    Object.defineProperty(fields, cut(key, rest), { value: field, enumerable: true, configurable: true })
  }
  return fields
}

function plainObject(value: object, path: readonly object[], rest: Rest, depth: number): unknown {
  if (path.includes(value)) return '[circular]'
  const instead = special(value)
  // What a toJSON gives may have one itself, without an end.
  if (instead) return plainPart(instead.instead, [...path, value], rest)
  return path.length >= depth ? CUT : entries(value, path, rest)
}

function plainPart(value: unknown, path: readonly object[], rest: Rest): unknown {
  rest.values -= 1
  switch (typeof value) {
    case 'string':
      return cut(value, rest)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
    case 'symbol':
      return cut(String(value), rest)
    case 'function':
      return { type: value.name }
    case 'object':
      try {
        return value === null ? null : plainObject(value, path, rest, defaults.depth)
      } catch {
        return '[unreadable]'
      }
    case 'boolean':
    case 'undefined':
      return value
  }
}

/**
 * A bounded copy of any value that JSON can hold: without cycles, live objects or functions. What is beyond the limits is cut off,
 * and a `…` stands in its place.
 */
export function plain(value: unknown, limits: Partial<PlainLimits> = {}): unknown {
  return plainPart(value, [], { ...defaults, ...limits })
}
