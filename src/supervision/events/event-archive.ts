import type { EventDraft } from './event.ts'
import type { SupervisionEvent } from './types.ts'

/** What an event says in other ways than by numbers. */
type Words = Pick<SupervisionEvent, 'error' | 'causes' | 'directive' | 'reason'>

interface Page {
  readonly numbers: Float64Array
  readonly types: SupervisionEvent['type'][]
  readonly words: (Words | undefined)[]
}

/** What a row is called when there is none. */
export const NO_ROW = -1

const FIRST_PAGE = 32
const LARGEST_PAGE = 1_024
/** A row is called by its page and, in the lowest bits, by its place there. */
const PLACE_BITS = 10
const PLACES = LARGEST_PAGE - 1

const AT = 0
const INCARNATION = 1
const ATTEMPT = 2
const USED = 3
const LIMIT = 4
const WITHIN = 5
const DELAY = 6
const COUNT = 7
const NEXT = 8
const FIELDS = 9

const sizeOf = (page: number): number => Math.min(LARGEST_PAGE, FIRST_PAGE * 2 ** page)

const isWordless = ({ error, causes, directive, reason }: Words): boolean =>
  error === undefined && directive === undefined && reason === undefined && causes === undefined

const areSame = (one: Words, other: Words): boolean =>
  one.error === other.error &&
  one.directive === other.directive &&
  one.reason === other.reason &&
  one.causes === other.causes

/** The numbers of an event as the fields of a row, from `from` on. */
function writeNumbers(numbers: Float64Array, from: number, event: SupervisionEvent): void {
  const { window } = event
  numbers[from + AT] = event.at
  numbers[from + INCARNATION] = event.incarnation
  numbers[from + ATTEMPT] = event.attempt
  numbers[from + USED] = window.used
  numbers[from + LIMIT] = window.limit
  numbers[from + WITHIN] = window.within
  numbers[from + DELAY] = event.delay ?? Number.NaN
  numbers[from + COUNT] = event.count ?? Number.NaN
}

/**
 * Keeps events as rows of numbers, outside the heap. Half a dozen events come with each restart, and objects that are kept cost the garbage
 * collector ten times what it costs to make them: it moves each of them twice, and everything stands still meanwhile.
 * Rows are linked to rings; who has a ring knows its newest row.
 */
export class EventArchive {
  readonly #supervisor: string
  readonly #pages: Page[] = []
  /** The first row that nobody has had yet. */
  #unused = 0
  /** The first of those that were given back. */
  #free = NO_ROW
  /** Many events in a row say the same: they share it. */
  #lastWords: Words | undefined

  /** @param supervisor whose events they are */
  constructor(supervisor: string) {
    this.#supervisor = supervisor
  }

  /** The row that comes after one in its ring: after the newest, the oldest. */
  after(row: number): number {
    return this.#page(row).numbers[(row & PLACES) * FIELDS + NEXT] ?? NO_ROW
  }

  /** A row that comes after such a one in its ring; after none, in a ring of its own. */
  insert(before: number): number {
    const row = this.#take()
    this.#link(row, before === NO_ROW ? row : this.after(before))
    if (before !== NO_ROW) this.#link(before, row)
    return row
  }

  /** Gives a ring back. */
  release(newest: number): void {
    const oldest = this.after(newest)
    for (let row = oldest; row !== newest; row = this.after(row)) this.#forgetWords(row)
    this.#forgetWords(newest)
    this.#link(newest, this.#free)
    this.#free = oldest
  }

  /** Writes an event over what stands in a row. */
  write(row: number, event: SupervisionEvent): void {
    const { numbers, types, words } = this.#page(row)
    const place = row & PLACES
    writeNumbers(numbers, place * FIELDS, event)
    types[place] = event.type
    words[place] = isWordless(event) ? undefined : this.#wordsOf(event)
  }

  /** The event that stands in a row, about such a child. */
  read(row: number, name: string, kind: string): SupervisionEvent {
    const { numbers, types, words } = this.#page(row)
    const place = row & PLACES
    const number = (field: number): number => numbers[place * FIELDS + field] ?? Number.NaN
    const { error, causes, directive, reason } = words[place] ?? {}
    const event: EventDraft = {
      type: types[place] ?? 'started',
      at: number(AT),
      supervisor: this.#supervisor,
      name,
      kind,
      incarnation: number(INCARNATION),
      attempt: number(ATTEMPT),
      window: { used: number(USED), limit: number(LIMIT), within: number(WITHIN) },
    }
    if (error) event.error = error
    if (causes) event.causes = causes
    if (directive !== undefined) event.directive = directive
    if (!Number.isNaN(number(DELAY))) event.delay = number(DELAY)
    if (reason !== undefined) event.reason = reason
    if (!Number.isNaN(number(COUNT))) event.count = number(COUNT)
    return event
  }

  #page(row: number): Page {
    return this.#pages[row >> PLACE_BITS] as Page
  }

  #link(row: number, next: number): void {
    this.#page(row).numbers[(row & PLACES) * FIELDS + NEXT] = next
  }

  #take(): number {
    if (this.#free !== NO_ROW) {
      const row = this.#free
      this.#free = this.after(row)
      return row
    }
    const row = this.#unused
    const page = row >> PLACE_BITS
    if ((row & PLACES) === 0)
      this.#pages.push({ numbers: new Float64Array(sizeOf(page) * FIELDS), types: [], words: [] })
    const isLast = (row & PLACES) === sizeOf(page) - 1
    this.#unused = isLast ? (page + 1) << PLACE_BITS : row + 1
    return row
  }

  #forgetWords(row: number): void {
    this.#page(row).words[row & PLACES] = undefined
  }

  #wordsOf(event: SupervisionEvent): Words {
    if (this.#lastWords === undefined || !areSame(this.#lastWords, event)) {
      const { error, causes, directive, reason } = event
      this.#lastWords = { error, causes, directive, reason } as Words
    }
    return this.#lastWords
  }
}
