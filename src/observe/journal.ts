/** One thing that happened. */
interface JournalEntry<Event> {
  /** 1 for the first event, one more for each further one; never used twice. */
  readonly sequence: number
  /** When it was written, in milliseconds since 1970. */
  readonly time: number
  readonly event: Event
}

/** How a journal is made. */
export interface JournalOptions<Event = unknown> {
  /** How many events are kept; the oldest make room. Default: 10 000. */
  readonly capacity?: number
  /** The time of day in milliseconds. Default: Date.now. */
  readonly now?: () => number
  /** Is told of what a listener throws. Default: it is dropped. */
  readonly onListenerError?: (error: unknown) => void
  /** What an event weighs, e.g. its bytes. Default: nothing. */
  readonly weigh?: (event: Event) => number
  /** What all events that are kept weigh together at most; the newest one is always kept. Default: no limit. */
  readonly heaviest?: number
  /** Gets each event that makes room. */
  readonly onDropped?: (entry: JournalEntry<Event>) => void
}

/** The last events of a node, in memory. */
export interface Journal<Event> {
  /** Writes one event and tells the listeners, in the order of writing. */
  write(event: Event): JournalEntry<Event>
  /** The events after a sequence number that are still kept, oldest first, at most `limit` of them. */
  after(sequence: number, limit?: number): readonly JournalEntry<Event>[]
  /** The newest events, oldest of them first. */
  last(count: number): readonly JournalEntry<Event>[]
  /** Tells of each event from the next one on. The result ends it. */
  subscribe(listener: (entry: JournalEntry<Event>) => void): () => void
  /** The sequence number of the newest event; 0 before the first. */
  readonly sequence: number
  /** How many events had to make room. */
  readonly dropped: number
}

/** Makes a journal: writing costs the same however full it is. */
export function createJournal<Event>(options: JournalOptions<Event> = {}): Journal<Event> {
  const { capacity = 10_000, now = Date.now, onListenerError = () => undefined } = options
  const { weigh = () => 0, heaviest = Number.POSITIVE_INFINITY, onDropped } = options
  if (!Number.isInteger(capacity) || capacity < 1)
    throw new RangeError(`the capacity of a journal is ${capacity}, expected a whole number from 1`)
  const ring: (JournalEntry<Event> | undefined)[] = []
  const listeners = new Set<(entry: JournalEntry<Event>) => void>()
  let sequence = 0
  let oldest = 1
  let weight = 0

  const slice = (from: number, count: number): JournalEntry<Event>[] => {
    const first = Math.max(from, oldest)
    const length = Math.max(0, Math.min(count, sequence - first + 1))
    const entries: JournalEntry<Event>[] = []
    for (let index = 0; index < length; index += 1) {
      const entry = ring[(first + index - 1) % capacity]
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  const dropOldest = (): void => {
    const place = (oldest - 1) % capacity
    const entry = ring[place]
    ring[place] = undefined
    oldest += 1
    if (entry === undefined) return
    weight -= weigh(entry.event)
    onDropped?.(entry)
  }

  return {
    write(event) {
      weight += weigh(event)
      if (sequence - oldest + 1 === capacity) dropOldest()
      while (weight > heaviest && oldest <= sequence) dropOldest()
      sequence += 1
      const entry = { sequence, time: now(), event }
      ring[(sequence - 1) % capacity] = entry
      for (const listener of listeners) {
        try {
          listener(entry)
        } catch (error) {
          onListenerError(error)
        }
      }
      return entry
    },
    after: (after, limit = capacity) => slice(after + 1, limit),
    last: count => slice(sequence - count + 1, count),
    subscribe(listener) {
      // Wrapped, so that the same function may listen twice and each result ends its own subscription.
      const own = (entry: JournalEntry<Event>): void => listener(entry)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    get sequence() {
      return sequence
    },
    get dropped() {
      return oldest - 1
    },
  }
}
