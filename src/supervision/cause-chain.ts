/** How far down causes are looked at: real chains are shorter, and a chain may be endless or a cycle. */
const DEEPEST = 16

/** Undefined where there is no such property, or nobody may look at it. */
function propertyOf(thrown: unknown, key: string): unknown {
  try {
    return (thrown as Readonly<Record<string, unknown>>)[key]
  } catch {
    return undefined
  }
}

const causeOf = (thrown: unknown): unknown => propertyOf(thrown, 'cause')

/** An error, its cause, the cause of that, and so on: at most 16. */
export function causeChain(error: unknown): readonly unknown[] {
  const chain: unknown[] = []
  for (let next = error; next !== undefined && next !== null; next = causeOf(next)) {
    if (chain.length === DEEPEST) break
    chain.push(next)
  }
  return chain
}

/** True when something holds of an error or of one of its causes. */
export function holdsInChain(error: unknown, holds: (link: unknown) => boolean): boolean {
  let link = error
  for (let depth = 0; depth < DEEPEST && link !== undefined && link !== null; depth += 1) {
    if (holds(link)) return true
    link = causeOf(link)
  }
  return false
}

/** A property of anything thrown, as text: codes of Node are texts, those of gRPC are numbers. */
export function textOf(error: unknown, key: 'code' | 'name' | 'syscall'): string | undefined {
  const value = propertyOf(error, key)
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}
