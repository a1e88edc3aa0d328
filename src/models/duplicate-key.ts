/** A string, or one of the marks between strings. Without nested repetition, so that no string is slow to match. */
const part = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g

/**
 * Finds a name that stands twice in one object of a JSON text, which `JSON.parse` would pass over in silence.
 * @param json a text that `JSON.parse` accepts
 */
export function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  let text = ''
  for (const [token] of json.matchAll(part)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const keys = open.at(-1)
      const key = String(JSON.parse(text))
      if (keys?.has(key)) return key
      keys?.add(key)
    } else if (token !== ',') text = token
  }
  return undefined
}
