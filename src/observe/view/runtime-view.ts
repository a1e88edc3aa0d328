import type { Clock } from '../../concurrency/clock.ts'
import type { Registry } from '../../resources/registry.ts'
import type { EventStream } from '../../supervision/events/stream.ts'
import type { Supervisor } from '../../supervision/types.ts'
import { detailOf, sourceAt } from './detail.ts'
import type { ActorDetail, ActorRow } from './messages.ts'
import { RowFeed } from './row-feed.ts'
import { ViewJournal, type ViewJournalLimits } from './view-journal.ts'
import { WatchedActor } from './watched-actor.ts'

/** What a view looks at. */
export interface RuntimeViewOptions {
  readonly root: Supervisor
  readonly registry: Registry
  readonly events: EventStream
  readonly clock: Clock
  /** Milliseconds since 1970. Default: Date.now. */
  readonly now?: () => number
  readonly journal?: ViewJournalLimits
}

/**
 * One tree as viewers see it. It costs nothing until its journal is started or somebody views: then the registry is watched, and
 * an actor that a viewer looks at is traced. XState is never attached for it.
 */
export class RuntimeView {
  readonly root: Supervisor
  readonly registry: Registry
  readonly clock: Clock
  readonly feed: RowFeed
  readonly journal: ViewJournal
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly #epoch: number

  constructor({ root, registry, events, clock, now = Date.now, journal = {} }: RuntimeViewOptions) {
    this.root = root
    this.registry = registry
    this.clock = clock
    this.now = now
    // Taken once, so that the time of one moment is the same whenever it is asked for.
    this.#epoch = now() - clock.now()
    this.feed = new RowFeed({ registry, clock, epoch: this.#epoch })
    this.journal = new ViewJournal({
      ...journal,
      feed: this.feed,
      events,
      now,
      timeOf: at => this.timeOf(at),
    })
  }

  /** Milliseconds since 1970 of a time of the clock. */
  timeOf(at: number): number {
    return Math.round(this.#epoch + at)
  }

  /** All resources. */
  rows(): readonly ActorRow[] {
    return this.feed.rows(this.feed.sources())
  }

  /**
   * Everything about one resource.
   * @throws EXO_CHILD_UNKNOWN naming the nearest path
   */
  detail(path: string): ActorDetail {
    return detailOf(path, { root: this.root, registry: this.registry, feed: this.feed, epoch: this.#epoch })
  }

  /** Watches one actor until it is closed, whether it is there or not. */
  watch(path: string, onChange: () => void): WatchedActor {
    const watched = new WatchedActor({
      path,
      timeOf: at => this.timeOf(at),
      now: this.now,
      onChange,
    })
    watched.follow(sourceAt(this.registry, path)?.ref)
    return watched
  }

  /** Every machine of the tree by its id, as its configuration has it. */
  machines(): Readonly<Record<string, unknown>> {
    const machines = new Set(this.feed.sources().map(({ machine }) => machine))
    return Object.fromEntries(
      [...machines].flatMap(machine => (machine ? [[machine.id, machine.config]] : [])),
    )
  }
}
