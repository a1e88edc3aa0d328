import type { Clock } from '../../concurrency/clock.ts'
import { toErrorRecord } from '../../errors.ts'
import type { EventSink } from '../../resources/environment.ts'
import type { ResourceLog } from '../../resources/log.ts'
import { EventGrouping } from './grouping.ts'
import { Listeners } from './listeners.ts'
import { levelOf, logRecord } from './log.ts'
import { Ring } from './ring.ts'
import type { SupervisionEvent, SupervisionRecord } from './types.ts'

const REMEMBERED = 1_000

const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0

/** Dead letters come in floods: people are shown the 1st, 2nd, 4th, 8th ... of them. */
export const isShown = ({ type, count = 1 }: Pick<SupervisionEvent, 'type' | 'count'>): boolean =>
  type !== 'dead_letter' || isPowerOfTwo(count)

/** What a stream takes from the world. */
export interface EventStreamOptions {
  readonly clock: Clock
  readonly log: ResourceLog
}

/**
 * Where the events of all supervisors of a runtime come together. The log and those who subscribed, e.g. a journal, get the same records
 * in the same order: each event, but of a burst only the beginning and then a summary; of dead letters the 1st, 2nd, 4th ...
 * Keeps the last 1,000 of these records. Events of a supervisor reach the stream before its own listeners.
 */
export class EventStream implements EventSink {
  readonly #log: ResourceLog
  readonly #grouping: EventGrouping
  readonly #recent = new Ring<SupervisionRecord>(REMEMBERED)
  readonly #listeners = new Listeners<SupervisionRecord>()

  constructor({ clock, log }: EventStreamOptions) {
    this.#log = log
    this.#grouping = new EventGrouping(clock, summary => this.#tell(summary))
  }

  /** False for an event that would neither be logged nor told to anybody. */
  wants(event: Pick<SupervisionEvent, 'type' | 'attempt'>): boolean {
    return this.#listeners.size > 0 || this.#log.isLevelEnabled?.(levelOf(event)) !== false
  }

  publish(event: SupervisionEvent): void {
    if (!isShown(event)) return
    if (!this.wants(event)) this.#recent.push(event)
    else if (this.#grouping.admits(event)) this.#tell(event)
  }

  /** Tells of each record from the next one on. What a listener throws is logged. The result ends it. */
  subscribe(listener: (record: SupervisionRecord) => void): () => void {
    return this.#listeners.add(listener)
  }

  /** The newest records, at most `count`, oldest of them first. */
  last(count?: number): readonly SupervisionRecord[] {
    return this.#recent.last(count)
  }

  /** Tells the summaries of bursts that are not over. Later events are told one by one; no timer is left. */
  close(): void {
    this.#grouping.close()
  }

  #tell(record: SupervisionRecord): void {
    this.#recent.push(record)
    logRecord(this.#log, record)
    for (const listener of this.#listeners.all) notify(this.#log, listener, record)
  }
}

/** Calls a listener; what it throws is logged and goes no further. */
export function notify<Event extends SupervisionRecord>(
  log: ResourceLog,
  listener: (event: Event) => void,
  event: Event,
): void {
  try {
    listener(event)
  } catch (error) {
    log.error({ error: toErrorRecord(error) }, `a listener for supervision events threw at ${event.type}`)
  }
}
