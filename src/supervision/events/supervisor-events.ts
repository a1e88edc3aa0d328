import type { Clock } from '../../concurrency/clock.ts'
import type { EventSink } from '../../resources/environment.ts'
import type { ResourceLog } from '../../resources/log.ts'
import { buildEvent, type EventFacts, type EventSubject } from './build.ts'
import { Ring } from './ring.ts'
import { isShown, notify } from './stream.ts'
import type { SupervisionEvent } from './types.ts'

const REMEMBERED = 32

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
  readonly #listeners = new Set<(event: SupervisionEvent) => void>()
  /** Children to whom nothing has happened have none. */
  readonly #histories = new Map<string, Ring<SupervisionEvent>>()

  constructor(options: SupervisorEventsOptions) {
    this.#options = options
  }

  /** Makes an event about a child and tells it, unless there is nobody who would hear or remember it. */
  emit(child: EventSubject, facts: EventFacts): void {
    const { clock, supervisor } = this.#options
    if (!this.#isRemembered(child.id, facts) && !this.wants({ type: facts.type, attempt: child.attempt }))
      return
    const event = buildEvent(clock.now(), supervisor, child, facts)
    this.#remember(event)
    this.publish(event)
  }

  wants(event: Pick<SupervisionEvent, 'type' | 'attempt'>): boolean {
    return this.#listeners.size > 0 || this.#options.above.wants(event)
  }

  /** Passes an event on, of this supervisor or of one below it. */
  publish(event: SupervisionEvent): void {
    const { above, log } = this.#options
    above.publish(event)
    for (const listener of [...this.#listeners]) notify(log, listener, event)
  }

  /** Tells of each event from the next one on, bursts and floods included. What a listener throws is logged. The result ends it. */
  subscribe(listener: (event: SupervisionEvent) => void): () => void {
    const own = (event: SupervisionEvent): void => listener(event)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  /**
   * The last 32 events of a child, oldest first, through all of its restarts. Remembering begins with the first event beyond `started` and
   * `ready`; of dead letters the 1st, 2nd, 4th, 8th ... are remembered.
   */
  historyOf(id: string): readonly SupervisionEvent[] {
    return this.#histories.get(id)?.last() ?? []
  }

  /** A child is not known any more. */
  forget(id: string): void {
    this.#histories.delete(id)
  }

  #isRemembered(id: string, { type, count = 1 }: EventFacts): boolean {
    if (type === 'dead_letter') return isShown({ type, count })
    return (type !== 'started' && type !== 'ready') || this.#histories.has(id)
  }

  #remember(event: SupervisionEvent): void {
    const { name } = event
    if (!this.#isRemembered(name, event)) return
    let history = this.#histories.get(name)
    if (!history) {
      history = new Ring(REMEMBERED)
      this.#histories.set(name, history)
    }
    history.push(event)
  }
}
