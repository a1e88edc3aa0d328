import type { Clock } from '../../concurrency/clock.ts'
import type { EventSink } from '../../resources/environment.ts'
import type { ResourceLog } from '../../resources/log.ts'
import { ChildHistory } from './child-history.ts'
import { type ErrorFacts, errorFacts } from './error-facts.ts'
import { type EventFacts, type EventSubject, eventOf } from './event.ts'
import { EventArchive } from './event-archive.ts'
import { Listeners } from './listeners.ts'
import { isShown, notify } from './stream.ts'
import type { SupervisionEvent } from './types.ts'

/** What the events of one supervisor need. */
export interface SupervisorEventsOptions {
  /** The path of the supervisor. */
  readonly supervisor: string
  readonly clock: Clock
  readonly log: ResourceLog
  /** The supervisor above, or the stream of the runtime. */
  readonly above: EventSink
}

/** The events of one incarnation of a supervisor: makes them, remembers the last of each child, and passes them on and up. */
export class SupervisorEvents implements EventSink {
  readonly #options: SupervisorEventsOptions
  readonly #listeners = new Listeners<SupervisionEvent>()
  readonly #archive: EventArchive
  /** One failure makes several events, mostly in a row: they share what is told of it. */
  #lastError: { readonly error: unknown; readonly facts: ErrorFacts } | undefined

  constructor(options: SupervisorEventsOptions) {
    this.#options = options
    this.#archive = new EventArchive(options.supervisor)
  }

  /** Makes an event about a child, remembers it and tells it, unless there is nobody who would hear or remember it. */
  emit(child: EventSubject, facts: EventFacts): void {
    const { clock, supervisor } = this.#options
    const isRemembered = this.#isRemembered(facts, child.history)
    if (!isRemembered && !this.wants({ type: facts.type, attempt: child.record.attempt(clock.now()) })) return
    const told = facts.error === undefined ? undefined : this.#factsOf(facts.error)
    const event = eventOf(supervisor, clock.now(), child, facts, told)
    if (isRemembered) this.#historyOf(child).add(event)
    this.publish(event)
  }

  wants(event: Pick<SupervisionEvent, 'type' | 'attempt'>): boolean {
    return this.#listeners.size > 0 || this.#options.above.wants(event)
  }

  /** Passes an event on, of this supervisor or of one below it. */
  publish(event: SupervisionEvent): void {
    const { above, log } = this.#options
    above.publish(event)
    for (const listener of this.#listeners.all) notify(log, listener, event)
  }

  /** Tells of each event from the next one on, bursts and floods included. What a listener throws is logged. The result ends it. */
  subscribe(listener: (event: SupervisionEvent) => void): () => void {
    return this.#listeners.add(listener)
  }

  /**
   * The last 32 events of a child, oldest first, through all of its restarts. Remembering begins with the first event beyond `started` and
   * `ready`; of dead letters the 1st, 2nd, 4th, 8th ... are remembered.
   */
  historyOf({ history }: EventSubject): readonly SupervisionEvent[] {
    return history?.events() ?? []
  }

  /** A child is not known any more. */
  forget(child: EventSubject): void {
    child.history?.clear()
    child.history = undefined
  }

  #factsOf(error: unknown): ErrorFacts {
    const known = this.#lastError
    if (known && known.error === error) return known.facts
    const facts = errorFacts(error)
    this.#lastError = { error, facts }
    return facts
  }

  #isRemembered({ type, count = 1 }: EventFacts, known: ChildHistory | undefined): boolean {
    if (type === 'dead_letter') return isShown({ type, count })
    return (type !== 'started' && type !== 'ready') || known !== undefined
  }

  #historyOf(child: EventSubject): ChildHistory {
    child.history ??= new ChildHistory(this.#archive, child.id, child.ref.kind)
    return child.history
  }
}
