/** What a child says of its siblings; see {@link ChildSpec}. */
export interface Dependent {
  readonly id: string
  readonly dependsOn?: readonly string[]
  readonly after?: readonly string[]
  readonly requires?: readonly string[]
}

const none: readonly string[] = []

/** The siblings that a child waits for when it starts: ordering. */
export const startsAfter = ({ dependsOn = none, after = none }: Dependent): readonly string[] => [
  ...new Set([...dependsOn, ...after]),
]

/** The siblings with which a child is restarted and stopped: requirement. */
export const needs = ({ dependsOn = none, requires = none }: Dependent): readonly string[] => [
  ...new Set([...dependsOn, ...requires]),
]

const isIndependent = ({ dependsOn, after, requires }: Dependent): boolean =>
  !dependsOn && !after && !requires

/**
 * Who among the children of a supervisor waits for whom, and who needs whom. Ordering and requirement are separate relations, as systemd's
 * After and Requires are. Costs nothing for children that say nothing.
 */
export class DependencyGraph {
  readonly #dependents = new Map<string, Dependent>()
  readonly #neededBy = new Map<string, Set<string>>()

  set(child: Dependent): void {
    this.delete(child.id)
    if (isIndependent(child)) return
    this.#dependents.set(child.id, child)
    for (const id of needs(child)) this.#neededBy.set(id, (this.#neededBy.get(id) ?? new Set()).add(child.id))
  }

  delete(id: string): void {
    const child = this.#dependents.get(id)
    if (!child) return
    this.#dependents.delete(id)
    for (const needed of needs(child)) this.#neededBy.get(needed)?.delete(id)
  }

  /** Direct siblings that a child starts after. */
  before(id: string): readonly string[] {
    const child = this.#dependents.get(id)
    return child ? startsAfter(child) : none
  }

  /** Direct siblings that a child needs. */
  neededFor(id: string): readonly string[] {
    const child = this.#dependents.get(id)
    return child ? needs(child) : none
  }

  /** All that need a child, directly or through others, itself not among them. */
  requirersOf(id: string): ReadonlySet<string> {
    const found = new Set<string>()
    const waiting = [id]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for (const requirer of this.#neededBy.get(next) ?? none) {
        if (found.has(requirer) || requirer === id) continue
        found.add(requirer)
        waiting.push(requirer)
      }
    }
    return found
  }
}

/** The children so that each comes after those that it starts after, otherwise in the order given. Those in a cycle come last. */
export function inStartOrder<Spec extends Dependent>(specs: readonly Spec[]): readonly Spec[] {
  if (specs.every(isIndependent)) return specs
  const known = new Set(specs.map(({ id }) => id))
  const placed = new Set<string>()
  const ordered: Spec[] = []
  let left = [...specs]
  for (;;) {
    const isFree = (spec: Spec): boolean => startsAfter(spec).every(id => placed.has(id) || !known.has(id))
    const free = left.filter(isFree)
    if (free.length === 0) return [...ordered, ...left]
    ordered.push(...free)
    for (const { id } of free) placed.add(id)
    left = left.filter(({ id }) => !placed.has(id))
  }
}
