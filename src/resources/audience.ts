import type { Clock } from '../concurrency/clock.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import { toErrorRecord } from '../errors.ts'
import type { ResourceLog } from './log.ts'
import { type Down, Monitors } from './monitor.ts'
import type { TraceEvent } from './trace.ts'
import type { StateChange } from './types.ts'

/** What an audience looks at. */
interface Stage {
  readonly label: string
  readonly incarnation: number
  readonly clock: Clock
  readonly scheduler: Scheduler
}

type Unsubscribe = () => void
/** A trace event without what all of them have. */
export type TraceStep = TraceEvent extends infer Event
  ? Event extends TraceEvent
    ? Omit<Event, 'at' | 'incarnation'>
    : never
  : never

/** All who watch one ref: apart from it, since most refs are watched by nobody. What they throw is logged. */
export class Audience {
  readonly #stage: Stage
  readonly #log: () => ResourceLog
  readonly #subscribers = new Set<(change: StateChange) => void>()
  readonly #tracers = new Set<(event: TraceEvent) => void>()
  readonly #monitors: Monitors

  /** @param log gives the log for a line about the stage as it is now */
  constructor(stage: Stage, log: () => ResourceLog) {
    this.#stage = stage
    this.#log = log
    this.#monitors = new Monitors(stage.scheduler, error => this.#logFault('a monitor', error))
  }

  get isTracing(): boolean {
    return this.#tracers.size > 0
  }

  subscribe(listener: (change: StateChange) => void): Unsubscribe {
    // Wrapped, so that the same function subscribed twice is told twice and can be taken back once.
    const own = (change: StateChange): void => listener(change)
    this.#subscribers.add(own)
    return () => {
      this.#subscribers.delete(own)
    }
  }

  trace(listener: (event: TraceEvent) => void): Unsubscribe {
    const own = (event: TraceEvent): void => listener(event)
    this.#tracers.add(own)
    return () => {
      this.#tracers.delete(own)
    }
  }

  /** @param down the end, if it was there before */
  monitor(of: 'resource' | 'incarnation', listener: (down: Down) => void, down?: Down): Unsubscribe {
    return this.#monitors.add(of, listener, down)
  }

  changed(change: StateChange): void {
    for (const listener of [...this.#subscribers]) this.#guard('a subscriber', () => listener(change))
    if (!this.isTracing) return
    const { state, previous, error } = change
    this.traced({ type: 'state', state, previous, ...(error && { error }) })
  }

  traced(step: TraceStep): void {
    const { clock, incarnation } = this.#stage
    const event: TraceEvent = { at: clock.now(), incarnation, ...step }
    for (const listener of [...this.#tracers]) this.#guard('a tracer', () => listener(event))
  }

  ended(of: 'resource' | 'incarnation', down: Down): void {
    this.#monitors.tell(of, down)
  }

  #guard(who: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#logFault(who, error)
    }
  }

  #logFault(who: string, error: unknown): void {
    this.#log().error({ error: toErrorRecord(error) }, `${who} of ${this.#stage.label} threw`)
  }
}
