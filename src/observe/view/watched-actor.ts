import type { TraceEvent } from '../../resources/trace.ts'
import type { ResourceRef, StateChange } from '../../resources/types.ts'
import type { TraceLine, TransitionRecord } from './messages.ts'

/** Of an actor that is busier than a reader can follow, the newest lines are kept. */
const MOST_LINES = 200

const topState = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? Object.keys(value)[0] : value

/** What a watched actor takes from the world. */
interface WatchedActorOptions {
  readonly path: string
  /** Milliseconds since 1970 of a time of the clock. */
  readonly timeOf: (at: number) => number
  readonly now: () => number
  /** Something has been noted. */
  readonly onChange: () => void
}

/** One actor that a viewer watches: what it did since the viewer was told the last time. Bounded. */
export class WatchedActor {
  readonly path: string
  readonly #options: WatchedActorOptions
  #leaveRef: () => void = () => undefined
  #ref: ResourceRef<unknown, unknown> | undefined
  #transitions: TransitionRecord[] = []
  #trace: TraceLine[] = []
  #last: TransitionRecord | undefined
  /** True when its detail is to be told again. */
  isDirty = true

  constructor(options: WatchedActorOptions) {
    this.path = options.path
    this.#options = options
  }

  /** The last transition that was seen. */
  get last(): TransitionRecord | undefined {
    return this.#last
  }

  /** The ref that stands at the path now: another one when its supervisor has restarted. */
  follow(ref: ResourceRef<unknown, unknown> | undefined): void {
    if (ref === this.#ref) return
    this.#leaveRef()
    this.#ref = ref
    if (!ref) return
    const untrace = ref.trace(event => this.#traced(event))
    const leave = ref.subscribe(change => this.#changed(change))
    this.#leaveRef = () => {
      untrace()
      leave()
    }
  }

  mark(): void {
    this.isDirty = true
    this.#options.onChange()
  }

  takeTransitions(): readonly TransitionRecord[] {
    const taken = this.#transitions
    if (taken.length > 0) this.#transitions = []
    return taken
  }

  takeTrace(): readonly TraceLine[] {
    const taken = this.#trace
    if (taken.length > 0) this.#trace = []
    return taken
  }

  close(): void {
    this.#leaveRef()
  }

  #note(record: TransitionRecord): void {
    this.#last = record
    this.#transitions.push(record)
    if (this.#transitions.length > MOST_LINES) this.#transitions.shift()
    this.mark()
  }

  /** No transition tells of a machine that throws, and of an actor that is stopped from outside: the change of state tells of both. */
  #changed({ state, previous, incarnation }: StateChange): void {
    const isTold = this.#last?.incarnation === incarnation && topState(this.#last.to) === state
    if (isTold || previous === 'UNINITIALIZED') return
    const event = state === 'ERROR' ? 'xstate.error' : 'xstate.stop'
    if (state !== 'ERROR' && state !== 'CLOSED') return
    this.#note({ path: this.path, incarnation, time: this.#options.now(), event, from: previous, to: state })
  }

  #traced(event: TraceEvent): void {
    const { at, type } = event
    const time = this.#options.timeOf(at)
    if (type === 'transition') {
      const { event: taken, from, to, incarnation } = event
      this.#note({ path: this.path, incarnation, time, event: taken, from, to })
      return
    }
    const { error } = event
    // The message of a trace is a short text already.
    const text = event.type === 'state' ? `${event.previous} to ${event.state}` : event.message
    this.#trace.push({
      time,
      type,
      text,
      ...('from' in event && event.from !== undefined && { from: event.from }),
      ...(error && { error }),
    })
    if (this.#trace.length > MOST_LINES) this.#trace.shift()
    this.mark()
  }
}
