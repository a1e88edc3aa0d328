import type { Dependencies } from './dependencies.ts'

const none: readonly string[] = []

/** The siblings that a child waits for when it starts: ordering. */
const startsAfter = ({ dependsOn = none, after = none }: Dependencies): readonly string[] => [
  ...new Set([...dependsOn, ...after]),
]

/** The siblings with which a child is restarted and stopped: requirement. */
const needs = ({ dependsOn = none, requires = none }: Dependencies): readonly string[] => [
  ...new Set([...dependsOn, ...requires]),
]

const isIndependent = ({ dependsOn, after, requires }: Dependencies): boolean =>
  !dependsOn && !after && !requires

/**
 * Who among the children of a supervisor waits for whom, and who needs whom. Ordering and requirement are separate relations, as systemd's
 * After and Requires are. Costs nothing for children that say nothing.
 */
export class DependencyGraph {
  readonly #dependents = new Map<string, Dependencies>()
  readonly #neededBy = new Map<string, Set<string>>()

  set(child: Dependencies): void {
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
