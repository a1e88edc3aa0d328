import { closest } from 'fastest-levenshtein'
import { ExovisorError } from '../errors.ts'
import type { Child } from './child.ts'
import { DependencyGraph } from './dependency-graph.ts'
import type { ChildCounts } from './types.ts'

const MOST_NAMED_IDS = 20

const isActive = ({ ref }: Child): boolean => ref.current !== undefined && ref.state !== 'CLOSED'

/** The children of a supervisor, in the order of their start. */
export class Roster {
  readonly dependencies = new DependencyGraph()
  readonly #supervisor: string
  readonly #children = new Map<string, Child>()

  constructor(supervisor: string) {
    this.#supervisor = supervisor
  }

  get size(): number {
    return this.#children.size
  }

  get all(): readonly Child[] {
    return [...this.#children.values()]
  }

  find(id: string): Child | undefined {
    return this.#children.get(id)
  }

  /** @throws EXO_CHILD_UNKNOWN with the nearest id, and those that there are */
  get(id: string): Child {
    const child = this.#children.get(id)
    if (child) return child
    const ids = [...this.#children.keys()].slice(0, MOST_NAMED_IDS)
    const near =
      ids.length > 0 && typeof id === 'string' ? `, did you mean ${JSON.stringify(closest(id, ids))}?` : ''
    const more = this.#children.size > ids.length ? ` and ${this.#children.size - ids.length} more` : ''
    throw new ExovisorError(
      'EXO_CHILD_UNKNOWN',
      `supervisor ${JSON.stringify(this.#supervisor)} has no child ${JSON.stringify(id)}${near} It has: ${ids.join(', ') || 'none'}${more}`,
      { details: { supervisor: this.#supervisor, id } },
    )
  }

  /** Those that need a child, directly or not, the last started first. */
  requirersOf({ id }: Child): readonly Child[] {
    const requirers = this.dependencies.requirersOf(id)
    if (requirers.size === 0) return []
    return this.all.filter(child => requirers.has(child.id)).toReversed()
  }

  /** Adds a child as the last one. One of the same id gives way. */
  add(child: Child): void {
    this.#children.delete(child.id)
    this.#children.set(child.id, child)
    this.dependencies.set(child.spec)
  }

  /** Forgets a child. False: another one has its id by now. */
  delete(child: Child): boolean {
    if (this.#children.get(child.id) !== child) return false
    this.dependencies.delete(child.id)
    return this.#children.delete(child.id)
  }

  count(): ChildCounts {
    let active = 0
    let restarting = 0
    let supervisors = 0
    for (const child of this.#children.values()) {
      if (isActive(child)) active += 1
      if (child.isRestarting) restarting += 1
      if (child.spec.resource.kind === 'supervisor') supervisors += 1
    }
    const specs = this.#children.size
    return { specs, active, restarting, supervisors, workers: specs - supervisors }
  }
}
