/** Where a value stands in the configuration: the keys from the root. An item of a list has its index as key. */
export type Path = readonly string[]

const plainKey = /^[A-Za-z_][\w-]*$/
const index = /^\d+$/

/** Writes a path for people: `api.keys[0]`, `supervision.names["peer:attic"].shutdown`. The root is the empty text. */
export function formatPath(path: Path): string {
  let text = ''
  for (const key of path) {
    if (plainKey.test(key)) text += text === '' ? key : `.${key}`
    else text += index.test(key) ? `[${key}]` : `[${JSON.stringify(key)}]`
  }
  return text
}

const step = /^(?:\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\])/

/** The way back from {@link formatPath}; undefined for a text that is no path. */
export function parsePath(text: string): Path | undefined {
  const path: string[] = []
  for (let rest = text; rest !== ''; ) {
    const [whole, plain, position, quoted] = step.exec(rest) ?? []
    if (whole === undefined) return undefined
    const key = plain ?? position ?? unquote(quoted)
    if (key === undefined) return undefined
    path.push(key)
    rest = rest.slice(whole.length)
  }
  return path
}

function unquote(quoted: string | undefined): string | undefined {
  if (quoted === undefined) return undefined
  try {
    return String(JSON.parse(quoted))
  } catch {
    return undefined
  }
}
