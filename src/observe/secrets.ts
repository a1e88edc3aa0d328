/** Keys whose values never reach a log line. */
export const secretKeys = [
  'key',
  'keys',
  'apiKey',
  'apiKeys',
  'secret',
  'password',
  'authorization',
  'cookie',
] as const

/** What stands in the place of a secret. */
export const secretMark = '(hidden)'

/** Deeper than this nothing is shown at all, so that nothing secret slips through. */
const deepest = 8

const secret: ReadonlySet<string> = new Set(secretKeys.map(key => key.toLowerCase()))

/**
 * The same facts with a mark in the place of every value of {@link secretKeys}, however the key is capitalised.
 * What holds no secret is returned as it is, not copied; errors and class instances are left to their serialisers.
 */
export function hideSecretFacts<Facts extends object>(facts: Facts): Facts {
  return hide(facts, 0) as Facts
}

function hide(value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return hideItems(value, depth)
  if (!isPlain(value)) return value
  if (depth > deepest) return secretMark
  let changed: Record<string, unknown> | undefined
  for (const key in value) {
    const shown =
      secret.has(key.toLowerCase()) && value[key] !== undefined ? secretMark : hide(value[key], depth + 1)
    if (shown === value[key]) continue
    changed ??= { ...value }
    changed[key] = shown
  }
  return changed ?? value
}

function hideItems(items: readonly unknown[], depth: number): unknown {
  if (depth > deepest) return secretMark
  const shown = items.map(item => hide(item, depth + 1))
  return shown.every((item, index) => item === items[index]) ? items : shown
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
