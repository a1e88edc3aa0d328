import { closest } from 'fastest-levenshtein'
import type { LifecycleState } from '../../machines/lifecycle.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { guardedLog, type ResourceLog } from './log.ts'
import { isRoutable, pathOf, splitPath } from './registry-path.ts'
import type {
  RegistryChange,
  RegistryCounts,
  RegistryEntry,
  RegistryFilter,
  RegistryMailboxes,
  RegistrySource,
} from './registry-types.ts'
import type { ResourceRef } from './types.ts'

const MOST_LISTED = 1_000

/** Hears that something about a resource has changed, and asks the source when it wants to know what. */
type RegistryWatcher = (source: RegistrySource) => void

interface Subscriber {
  readonly filter: RegistryFilter
  readonly listener: (change: RegistryChange) => void
}

const matches = (filter: RegistryFilter, { kind, parent }: RegistrySource): boolean =>
  (filter.kind ?? kind) === kind && (filter.parent ?? parent) === parent

/**
 * All resources of a runtime: where they are, what they are, and which of them are fit for work. One for each root supervisor.
 *
 * A resource costs one entry in the map of its supervisor's children, and one more while it is READY: what is told of it is made when
 * somebody asks. Only READY resources are offered for routing, as Pekko's receptionist offers only the reachable ones.
 */
export class Registry {
  readonly #log: ResourceLog
  /** By the path of the supervisor, then by id: ids are there already, whole paths would have to be made and kept. */
  readonly #families = new Map<string, Map<string, RegistrySource>>()
  /** By kind; none is empty. */
  readonly #ready = new Map<string, Set<RegistrySource>>()
  readonly #subscribers = new Set<Subscriber>()
  readonly #watchers = new Set<RegistryWatcher>()
  #size = 0

  constructor(log: ResourceLog) {
    this.#log = guardedLog(log)
  }

  /** How many resources are registered. */
  get size(): number {
    return this.#size
  }

  /**
   * Adds a resource. One that stood at the same path before is removed: it is being left behind. The result removes this one, and does
   * nothing when another stands there by then.
   */
  register(source: RegistrySource): () => void {
    const { parent, id } = source
    const unregister = (): void => this.unregister(source)
    const family = this.#families.get(parent) ?? new Map<string, RegistrySource>()
    const predecessor = family.get(id)
    if (predecessor === source) return unregister
    // All is in order before anybody hears of it: a listener may look, or register something itself.
    if (predecessor) {
      family.delete(id)
      this.#unindex(predecessor)
      predecessor.standing = undefined
    } else this.#size += 1
    this.#families.set(parent, family.set(id, source))
    source.standing = 'known'
    this.#index(source)
    if (predecessor) this.#tell('removed', predecessor)
    this.#tell('added', source)
    return unregister
  }

  /** Removes a resource; does nothing when it is not there. */
  unregister(source: RegistrySource): void {
    const { parent, id } = source
    const family = this.#families.get(parent)
    if (family?.get(id) !== source) return
    family.delete(id)
    if (family.size === 0) this.#families.delete(parent)
    this.#size -= 1
    this.#unindex(source)
    source.standing = undefined
    this.#tell('removed', source)
  }

  /** To be called after each change of a resource's state, and when it was suspended or resumed. Costs the same however many there are. */
  changed(source: RegistrySource): void {
    if (source.standing === undefined) return
    const isListed = source.standing === 'routable'
    // Most changes are neither to nor from READY, and nobody listens.
    if (isListed === isRoutable(source) && !this.isObserved) return
    if (isRoutable(source)) this.#index(source)
    else this.#unindex(source)
    this.#tell('changed', source)
  }

  /**
   * One resource by its path.
   * @throws EXO_CHILD_UNKNOWN naming the nearest path that is there
   */
  get(path: string): RegistryEntry {
    return this.#find(path).entry()
  }

  /**
   * The stable handle of one resource by its path, whatever it is.
   * @throws EXO_CHILD_UNKNOWN naming the nearest path that is there
   */
  ref(path: string): ResourceRef<unknown, unknown> {
    return this.#find(path).ref
  }

  #find(path: string): RegistrySource {
    const { parent, id } = splitPath(path)
    const source = this.#families.get(parent)?.get(id)
    if (source && pathOf(parent, id) === path) return source
    const near = this.#nearest(parent, id, path)
    throw new ExovisorError(
      'EXO_CHILD_UNKNOWN',
      `the registry has no resource ${JSON.stringify(path)}${near === undefined ? '; it is empty' : `, did you mean ${JSON.stringify(near)}?`}`,
      { details: { path } },
    )
  }

  /** Resources supervisor by supervisor, each one's in the order of their registration; at most `limit`, 1,000 by default. */
  list(
    filter: RegistryFilter & { readonly state?: LifecycleState } = {},
    limit = MOST_LISTED,
  ): readonly RegistryEntry[] {
    const entries: RegistryEntry[] = []
    for (const source of this.#sources(filter.parent)) {
      if (entries.length >= limit) break
      const isWanted = matches(filter, source) && (filter.state ?? source.state) === source.state
      if (isWanted) entries.push(source.entry())
    }
    return entries
  }

  /** How many there are of each kind in each state. */
  counts(): RegistryCounts {
    const counts: Record<string, Partial<Record<LifecycleState, number>>> = {}
    for (const { kind, state } of this.#sources()) {
      counts[kind] ??= {}
      counts[kind][state] = (counts[kind][state] ?? 0) + 1
    }
    return counts
  }

  /** How many messages wait for the resources of each kind. */
  mailboxes(): RegistryMailboxes {
    const mailboxes: Record<string, { waiting: number; longest: number }> = {}
    for (const { kind, ref } of this.#sources()) {
      const { mailbox } = ref.snapshot()
      mailboxes[kind] ??= { waiting: 0, longest: 0 }
      mailboxes[kind].waiting += mailbox
      mailboxes[kind].longest = Math.max(mailboxes[kind].longest, mailbox)
    }
    return mailboxes
  }

  /** The resources of a kind that work may be given to: READY ones, in the order in which they became so. Never one that is suspended. */
  routable(kind: string): readonly ResourceRef<unknown, unknown>[] {
    const refs: ResourceRef<unknown, unknown>[] = []
    // Asked again, since a state is left before the change is told of.
    for (const source of this.#ready.get(kind) ?? []) if (isRoutable(source)) refs.push(source.ref)
    return refs
  }

  /** Tells of resources that come, change and go, from now on. What a listener throws is logged. The result ends it. */
  subscribe(listener: (change: RegistryChange) => void, filter: RegistryFilter = {}): () => void {
    const subscriber: Subscriber = { filter, listener }
    this.#subscribers.add(subscriber)
    return () => {
      this.#subscribers.delete(subscriber)
    }
  }

  /**
   * Tells only that a resource came, changed or went, from now on: for those who look at what came of many changes later, since an entry
   * for each one would cost more than the change itself. What it throws is logged. The result ends it.
   */
  watch(watcher: RegistryWatcher): () => void {
    const own: RegistryWatcher = source => watcher(source)
    this.#watchers.add(own)
    return () => {
      this.#watchers.delete(own)
    }
  }

  /** True while somebody subscribes or watches. */
  get isObserved(): boolean {
    return this.#subscribers.size > 0 || this.#watchers.size > 0
  }

  /** All resources as they are now, supervisor by supervisor, without an entry of each. */
  sources(): readonly RegistrySource[] {
    return [...this.#sources()]
  }

  /** What stands at a place now. */
  source(parent: string, id: string): RegistrySource | undefined {
    return this.#families.get(parent)?.get(id)
  }

  *#sources(parent?: string): Iterable<RegistrySource> {
    if (parent !== undefined) yield* this.#families.get(parent)?.values() ?? []
    else for (const family of this.#families.values()) yield* family.values()
  }

  #index(source: RegistrySource): void {
    if (!isRoutable(source) || source.standing === 'routable') return
    source.standing = 'routable'
    const ready = this.#ready.get(source.kind)
    if (ready) ready.add(source)
    else this.#ready.set(source.kind, new Set([source]))
  }

  #unindex(source: RegistrySource): void {
    if (source.standing !== 'routable') return
    source.standing = 'known'
    const ready = this.#ready.get(source.kind)
    if (ready?.delete(source) && ready.size === 0) this.#ready.delete(source.kind)
  }

  /** Among the siblings, when there are any; else among the supervisors. */
  #nearest(parent: string, id: string, path: string): string | undefined {
    const family = this.#families.get(parent)
    if (family) return pathOf(parent, closest(id, [...family.keys()]))
    const parents = [...this.#families.keys()].filter(each => each !== '')
    const roots = [...(this.#families.get('')?.keys() ?? [])].map(each => pathOf('', each))
    const names = [...new Set([...roots, ...parents])]
    return names.length > 0 ? closest(path, names) : undefined
  }

  #tell(type: RegistryChange['type'], source: RegistrySource): void {
    if (!this.isObserved) return
    for (const watcher of [...this.#watchers]) this.#guard('a watcher', () => watcher(source))
    let change: RegistryChange | undefined
    for (const { filter, listener } of [...this.#subscribers]) {
      if (!matches(filter, source)) continue
      change ??= { type, entry: source.entry() }
      const told = change
      this.#guard('a subscriber', () => listener(told))
    }
  }

  #guard(who: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#log.error({ error: toErrorRecord(error) }, `${who} of the registry threw`)
    }
  }
}
