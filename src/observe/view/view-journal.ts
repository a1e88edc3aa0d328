import type { EventStream } from '../../supervision/events/stream.ts'
import type { SupervisionRecord } from '../../supervision/types.ts'
import { createJournal, type Journal } from '../journal.ts'
import type { ActorRow, JournalLine, RowsEvent } from './messages.ts'
import { ROWS_A_TURN, type RowFeed } from './row-feed.ts'
import { applyRows } from './tree-at.ts'

/** How much a journal for time travel keeps. */
export interface ViewJournalLimits {
  /** Default: 20,000. */
  readonly lines?: number
  /** Bytes, by an estimate. Default: 16 MiB. */
  readonly bytes?: number
}

/** What a journal for time travel is made of. */
export interface ViewJournalOptions extends ViewJournalLimits {
  readonly feed: RowFeed
  readonly events: EventStream
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds since 1970 of a time of the clock. */
  readonly timeOf: (at: number) => number
}

type Event = JournalLine['event']

/** By measuring rows and events as JavaScript holds them, rounded up. */
const ROW_BYTES = 300
const EVENT_BYTES = 600

const weigh = (event: Event): number =>
  event.type === 'rows' ? ROW_BYTES * (1 + event.changed.length + event.removed.length) : EVENT_BYTES

/** A record of supervision with the time of day in place of the clock's. */
const dated = (record: SupervisionRecord, timeOf: (at: number) => number): SupervisionRecord =>
  record.type === 'summary'
    ? { ...record, at: timeOf(record.at), since: timeOf(record.since) }
    : { ...record, at: timeOf(record.at) }

/**
 * What happened in a tree, and how its rows changed, in one order: all that is needed to see the tree as it was at any moment that is
 * kept. When lines make room, what they changed goes into the tree that the journal begins with.
 */
export class ViewJournal {
  readonly #options: ViewJournalOptions
  readonly #journal: Journal<Event>
  /** The tree before the oldest line that is kept, and that line's predecessor. */
  readonly #base = new Map<string, ActorRow>()
  #baseTime: number
  #stop: (() => void) | undefined

  constructor(options: ViewJournalOptions) {
    this.#options = options
    const { lines = 20_000, bytes = 16 * 2 ** 20, now } = options
    this.#baseTime = now()
    this.#journal = createJournal<Event>({
      capacity: lines,
      heaviest: bytes,
      weigh,
      now,
      onDropped: ({ event, time }) => {
        this.#baseTime = time
        if (event.type === 'rows') applyRows(this.#base, event)
      },
    })
  }

  /** The number of the newest line; 0 before the first. */
  get sequence(): number {
    return this.#journal.sequence
  }

  /** The number of the last line that had to make room; 0 while all are kept. */
  get dropped(): number {
    return this.#journal.dropped
  }

  /** Begins to write: the tree as it is now, and then all that happens, until {@link ViewJournal.close}. */
  start(): void {
    if (this.#stop) return
    const { feed, events, timeOf } = this.#options
    const unlisten = events.subscribe(record => this.#write(dated(record, timeOf)))
    const unfeed = feed.subscribe(({ changed, removed }) => this.#write({ type: 'rows', changed, removed }))
    for (const row of feed.rows(feed.sources())) this.#base.set(row.path, row)
    this.#stop = () => {
      unlisten()
      unfeed()
    }
  }

  close(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  /** Tells of each new line. The result ends it. */
  subscribe(listener: () => void): () => void {
    return this.#journal.subscribe(() => listener())
  }

  /** Lines after a sequence number, oldest first, at most `limit`. */
  after(sequence: number, limit?: number): readonly JournalLine[] {
    return this.#journal.after(sequence, limit)
  }

  /** The tree that the journal begins with, in lines of the number before the first. */
  beginning(): readonly JournalLine[] {
    const rows = [...this.#base.values()]
    const lines: JournalLine[] = []
    for (let first = 0; first < rows.length; first += ROWS_A_TURN) {
      const event: RowsEvent = {
        type: 'rows',
        changed: rows.slice(first, first + ROWS_A_TURN),
        removed: [],
      }
      lines.push({ sequence: this.dropped, time: this.#baseTime, event })
    }
    return lines
  }

  /** All that is kept: what a journal file holds. */
  all(): readonly JournalLine[] {
    return [...this.beginning(), ...this.after(0)]
  }

  #write(event: SupervisionRecord | RowsEvent): void {
    this.#journal.write(event)
  }
}
