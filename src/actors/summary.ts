const MOST_ENTRIES = 6
const DEEPEST = 3
const LONGEST_TEXT = 60

function entries(value: object, depth: number): string[] {
  const shown: string[] = []
  for (const key in value) {
    if (shown.length === MOST_ENTRIES) {
      shown.push('…')
      break
    }
    const field = Object.getOwnPropertyDescriptor(value, key)
    if (field) shown.push(`${key}: ${'value' in field ? shape(field.value, depth + 1) : 'a getter'}`)
  }
  return shown
}

function list(value: readonly unknown[], depth: number): string {
  const shown = value.slice(0, MOST_ENTRIES).map(element => shape(element, depth + 1))
  const rest = value.length > MOST_ENTRIES ? `, … ${value.length} in all` : ''
  return `[${shown.join(', ')}${rest}]`
}

function shapeOfObject(value: object, depth: number): string {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return `${value.constructor.name}(${value.byteLength} bytes)`
  if (value instanceof Map || value instanceof Set) return `${value.constructor.name}(${value.size})`
  if (value instanceof Error) return `${value.name}: ${value.message.slice(0, LONGEST_TEXT)}`
  if (depth >= DEEPEST) return Array.isArray(value) ? `[${value.length}]` : '{…}'
  if (Array.isArray(value)) return list(value, depth)
  const fields = entries(value, depth)
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
}

function shape(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return value.length > LONGEST_TEXT
        ? `${JSON.stringify(value.slice(0, LONGEST_TEXT))}… ${value.length} characters`
        : JSON.stringify(value)
    case 'object':
      return value === null ? 'null' : shapeOfObject(value, depth)
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? `${value}n` : 'a large bigint'
    case 'function':
      return 'a function'
    case 'symbol':
      return String(value).slice(0, LONGEST_TEXT)
    case 'boolean':
    case 'number':
    case 'undefined':
      return String(value)
  }
}

/**
 * A message as a short text: its shape, and the beginning of what it holds. Reads a few fields of a few levels only, calls nothing
 * of the message, and never throws.
 *
 * @param longest characters of the result at most
 */
export function summarize(message: unknown, longest = 200): string {
  let text: string
  try {
    text = shape(message, 0)
  } catch {
    text = 'a message that cannot be read'
  }
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}
