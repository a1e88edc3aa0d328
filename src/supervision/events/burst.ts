import type { ErrorCount, EventSummary, SupervisionEvent } from './types.ts'

/** How many events of a burst are told one by one. */
const TOLD_SINGLY = 20
/** Events that come within so many milliseconds of the first are one burst; so long without another one ends it. */
export const BURST_MS = 100
/** A burst that does not end is summed up from time to time. */
const LONGEST_WAIT_MS = 10_000
/** Further kinds of error in one burst are not counted. */
const MOST_ERRORS = 64
const TOLD_ERRORS = 5

type Counted = { -readonly [Key in keyof ErrorCount]: ErrorCount[Key] }

/** A clock that was set back ends a burst too: nobody knows how long it took. */
const hasPassed = (then: number, now: number): boolean => now < then || now - then >= BURST_MS

/** Events of one type of one supervisor that come together. */
export class Burst {
  readonly #type: SupervisionEvent['type']
  readonly #supervisor: string
  #since: number
  #lastAt: number
  #told = 0
  /** True from the first event that is not told by itself, until it has been quiet. */
  #isBurst = false
  #count = 0
  /** Of the first event that is summed up. */
  #firstAt = 0
  #first = ''
  #last = ''
  #errors: Map<string, Counted> | undefined

  constructor({ type, supervisor, at }: SupervisionEvent) {
    this.#type = type
    this.#supervisor = supervisor
    this.#since = at
    this.#lastAt = at
  }

  /** True while there is something to sum up. */
  get isPending(): boolean {
    return this.#count > 0
  }

  /** True for an event that is to be told by itself; others are summed up. */
  admits(event: SupervisionEvent): boolean {
    const { at } = event
    if (hasPassed(this.#isBurst ? this.#lastAt : this.#since, at)) {
      this.#since = at
      this.#told = 0
      this.#isBurst = false
    }
    this.#lastAt = at
    this.#isBurst ||= this.#told === TOLD_SINGLY
    if (this.#isBurst) this.#note(event)
    else this.#told += 1
    return !this.#isBurst
  }

  /** When to look again for the end, in milliseconds from `now`; 0 when it has come. */
  remaining(now: number): number {
    if (hasPassed(this.#lastAt, now)) return 0
    const quiet = this.#lastAt + BURST_MS
    const longest = this.#firstAt + LONGEST_WAIT_MS
    return Math.max(0, Math.min(quiet, longest) - now)
  }

  /** True when nothing has come for so long that the next event begins anew. */
  isOver(now: number): boolean {
    return !this.isPending && hasPassed(this.#lastAt, now)
  }

  /** What was not told by itself since the last summary. */
  sumUp(at: number): EventSummary {
    const summary: EventSummary = {
      type: 'summary',
      of: this.#type,
      at,
      since: this.#firstAt,
      supervisor: this.#supervisor,
      count: this.#count,
      errors: this.#mostFrequent(),
      first: this.#first,
      last: this.#last,
    }
    this.#count = 0
    this.#errors = undefined
    return summary
  }

  #note(event: SupervisionEvent): void {
    if (this.#count === 0) {
      this.#firstAt = event.at
      this.#first = event.name
    }
    this.#count += 1
    this.#last = event.name
    if (event.error) this.#countError(event, event.error)
  }

  /** Counts by the root cause; else by the message, from which the child's name is taken out. */
  #countError(
    { kind, name, causes }: SupervisionEvent,
    { code, message }: { code: string; message: string },
  ) {
    const why = causes?.at(-1)?.message ?? message
    // Most texts do not name the child, and looking costs less than replacing.
    const general = why.includes(name) ? why.replaceAll(`${kind} ${JSON.stringify(name)}`, kind) : why
    this.#errors ??= new Map()
    const known = this.#errors.get(general)
    if (known?.code === code) known.count += 1
    else this.#countRare(known ? `${code} ${general}` : general, code, general)
  }

  #countRare(key: string, code: string, message: string): void {
    const known = this.#errors?.get(key)
    if (known) known.count += 1
    else if ((this.#errors?.size ?? 0) < MOST_ERRORS) this.#errors?.set(key, { code, message, count: 1 })
  }

  #mostFrequent(): readonly ErrorCount[] {
    return [...(this.#errors?.values() ?? [])].sort((a, b) => b.count - a.count).slice(0, TOLD_ERRORS)
  }
}
