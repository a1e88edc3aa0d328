import type { Clock } from '../../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import type { Registry } from '../../resources/registry.ts'
import { pathOf } from '../../resources/registry-path.ts'
import type { RegistrySource } from '../../resources/registry-types.ts'
import type { ActorRow } from './messages.ts'

/** Rows that are made in one turn of the event loop: a few milliseconds of work. */
export const ROWS_A_TURN = 500

const COALESCE_MS = 50

/** How rows have changed since the last time; each path once. */
interface RowChanges {
  readonly changed: readonly ActorRow[]
  readonly removed: readonly string[]
}

type RowListener = (changes: RowChanges) => void

/** What a feed of rows is made of. */
interface RowFeedOptions {
  readonly registry: Registry
  readonly clock: Clock
  /** The time of day at the zero of the clock, in milliseconds since 1970. */
  readonly epoch: number
}

/**
 * All resources as rows, and how they change. A change costs one entry in a set; rows are made 50 ms later, for what has changed by
 * then, a bounded number in one turn. The registry is watched only while somebody listens.
 */
export class RowFeed {
  readonly #registry: Registry
  readonly #clock: Clock
  readonly #epoch: number
  readonly #listeners = new Set<RowListener>()
  #dirty = new Set<RegistrySource>()
  #unwatch: (() => void) | undefined
  #cancelFlush: CancelTimer | undefined

  constructor({ registry, clock, epoch }: RowFeedOptions) {
    this.#registry = registry
    this.#clock = clock
    this.#epoch = epoch
  }

  /** All that are there, to be made into rows part by part with {@link RowFeed.rows}. */
  sources(): readonly RegistrySource[] {
    return this.#registry.sources()
  }

  /** The rows of those that are still there. */
  rows(sources: readonly RegistrySource[]): readonly ActorRow[] {
    return sources.filter(({ standing }) => standing !== undefined).map(source => this.row(source))
  }

  row(source: RegistrySource): ActorRow {
    const {
      path,
      parent,
      name,
      displayName,
      kind,
      state,
      incarnation,
      restarts,
      since,
      suspended,
      lastError,
    } = source.entry()
    return {
      path,
      parent,
      name,
      displayName,
      kind,
      state,
      incarnation,
      restarts,
      since: Math.round(this.#epoch + since),
      suspended,
      ...(lastError && { error: lastError.code }),
    }
  }

  /** Tells of changes from now on, at most {@link ROWS_A_TURN} at a time. The result ends it. */
  subscribe(listener: RowListener): () => void {
    const own: RowListener = changes => listener(changes)
    this.#listeners.add(own)
    this.#unwatch ??= this.#registry.watch(source => this.#mark(source))
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.#stop()
    }
  }

  #stop(): void {
    this.#unwatch?.()
    this.#unwatch = undefined
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#dirty.clear()
  }

  #mark(source: RegistrySource): void {
    this.#dirty.add(source)
    this.#cancelFlush ??= schedule(this.#clock, COALESCE_MS, () => this.#flush(this.#takeDirty()))
  }

  #takeDirty(): Iterator<RegistrySource> {
    const dirty = this.#dirty
    this.#dirty = new Set()
    return dirty.values()
  }

  #flush(dirty: Iterator<RegistrySource>): void {
    if (this.#listeners.size === 0) return
    const changed: ActorRow[] = []
    const removed: string[] = []
    let next = dirty.next()
    for (let count = 1; !next.done; count += 1) {
      this.#sort(next.value, changed, removed)
      if (count === ROWS_A_TURN) break
      next = dirty.next()
    }
    if (changed.length + removed.length > 0)
      for (const listener of [...this.#listeners]) listener({ changed, removed })
    if (!next.done) this.#clock.nextTurn(() => this.#flush(dirty))
    else this.#rest()
  }

  #sort(source: RegistrySource, changed: ActorRow[], removed: string[]): void {
    if (source.standing !== undefined) changed.push(this.row(source))
    // Another one may have its place by now, and is told of itself.
    else if (!this.#registry.source(source.parent, source.id)) removed.push(pathOf(source.parent, source.id))
  }

  #rest(): void {
    this.#cancelFlush = undefined
    const [waiting] = this.#dirty
    if (waiting) this.#mark(waiting)
  }
}
