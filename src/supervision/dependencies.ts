/** What a child says of its siblings; see {@link ChildSpec}. Ids that nobody has do not count. */
export interface Dependencies {
  readonly id: string
  readonly dependsOn?: readonly string[] | undefined
  readonly after?: readonly string[] | undefined
  readonly requires?: readonly string[] | undefined
}

const MOST_CYCLES = 100

type Edges = ReadonlyMap<string, readonly string[]>

const none: readonly string[] = []

/** For each child the siblings that it starts after, each once, itself not among them. */
function edges(children: readonly Dependencies[]): Edges {
  const known = new Set(children.map(({ id }) => id))
  const named = (child: Dependencies): readonly string[] => [
    ...new Set(
      [...(child.dependsOn ?? none), ...(child.after ?? none)].filter(id => id !== child.id && known.has(id)),
    ),
  ]
  return new Map(children.map(child => [child.id, named(child)]))
}

function reversed(forward: Edges): Edges {
  const back = new Map<string, string[]>([...forward.keys()].map(id => [id, []]))
  for (const [id, named] of forward) for (const other of named) back.get(other)?.push(id)
  return back
}

/**
 * Children that may start at one time, in waves: each wave needs only those before it (`dependsOn` and `after`). Each child is in the
 * earliest wave that it can be in, and within a wave the order is the one given. What waits for a cycle is in no wave; see
 * {@link orderCycles}. Kahn's algorithm, by levels.
 */
export function startWaves(children: readonly Dependencies[]): readonly (readonly string[])[] {
  const before = edges(children)
  const next = reversed(before)
  const position = new Map([...before.keys()].map((id, index) => [id, index]))
  const open = new Map([...before].map(([id, named]) => [id, named.length]))
  const waves: string[][] = []
  let wave = [...before.keys()].filter(id => open.get(id) === 0)
  while (wave.length > 0) {
    waves.push(wave)
    const freed: string[] = []
    for (const id of wave) {
      for (const waiting of next.get(id) ?? none) {
        const left = (open.get(waiting) ?? 0) - 1
        open.set(waiting, left)
        if (left === 0) freed.push(waiting)
      }
    }
    wave = freed.sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0))
  }
  return waves
}

/** The shortest way from a child along `forward` back to itself. */
function shortestCycle(start: string, forward: Edges): readonly string[] | undefined {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const id of queue) {
    for (const named of forward.get(id) ?? none) {
      if (named === start) {
        const cycle = [id]
        for (let at = id; at !== start; cycle.unshift(at)) at = cameFrom.get(at) ?? start
        return cycle
      }
      if (cameFrom.has(named)) continue
      cameFrom.set(named, id)
      queue.push(named)
    }
  }
  return undefined
}

/**
 * Cycles in the order of start: `[a, b]` when a waits for b and b for a. Each child that only a cycle keeps from starting is in one or
 * waits for one; no two cycles share a child. At most 100. Empty when {@link startWaves} places every child.
 */
export function orderCycles(children: readonly Dependencies[]): readonly (readonly string[])[] {
  const placed = new Set(startWaves(children).flat())
  const stuck = children.filter(({ id }) => !placed.has(id))
  const cycles: (readonly string[])[] = []
  let left = stuck
  while (left.length > 0 && cycles.length < MOST_CYCLES) {
    const forward = edges(left)
    const cycle = firstCycle(forward)
    cycles.push(cycle)
    const gone = new Set(cycle)
    // What is left without this cycle may be free of cycles, or have others.
    const rest = left.filter(({ id }) => !gone.has(id))
    const free = new Set(startWaves(rest).flat())
    left = rest.filter(({ id }) => !free.has(id))
  }
  return cycles
}

/** Each of these waits for another one: following the first name of each must come back to one that was seen. */
function firstCycle(forward: Edges): readonly string[] {
  const seen = new Set<string>()
  let at = forward.keys().next().value ?? ''
  while (!seen.has(at)) {
    seen.add(at)
    at = forward.get(at)?.[0] ?? ''
  }
  const cycle = shortestCycle(at, forward)
  return cycle ?? [at]
}
