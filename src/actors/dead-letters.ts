import { summarize } from './summary.ts'

/** Why a message was not delivered. `dropped`: a newer one took its place. */
export type DeadLetterReason = 'mailbox full' | 'dropped' | 'closed' | 'not received'

/** A message that nobody handled. */
export interface DeadLetter {
  readonly message: unknown
  readonly reason: DeadLetterReason
  /** Dead letters of this mailbox so far, this one included. */
  readonly count: number
}

/** Whose message it was, and when it died. */
interface Address {
  /** The clock's time, in milliseconds. */
  readonly at: number
  /** Kind and name of the resource. */
  readonly kind: string
  readonly name: string
  /** The incarnation that was the current one; 0 before the first. */
  readonly incarnation: number
}

/** A dead letter with its address, as it is announced: with the message itself. */
export interface AddressedDeadLetter extends DeadLetter, Address {}

/** A dead letter as plain data. */
export interface DeadLetterRecord extends Address {
  readonly reason: DeadLetterReason
  readonly count: number
  /** The shape of the message and the beginning of what it holds: at most 200 characters. */
  readonly message: string
}

/** How many dead letters are kept, unless told otherwise. */
const DEFAULT_KEPT = 100

/**
 * The dead letters of a runtime: counted by reason, announced to whoever subscribes, the last few kept. It keeps no other message alive.
 */
export class DeadLetters {
  readonly #keep: number
  readonly #onFault: (error: unknown) => void
  readonly #counts: Record<DeadLetterReason, number> = {
    'mailbox full': 0,
    dropped: 0,
    closed: 0,
    'not received': 0,
  }
  /** A ring: the oldest one is overwritten. */
  readonly #ring: AddressedDeadLetter[] = []
  readonly #listeners = new Set<(letter: AddressedDeadLetter) => void>()
  #total = 0
  #isTelling = false

  /**
   * @param options.keep how many of the last ones are kept; default: 100
   * @param options.onFault gets what a subscriber throws; default: it is dropped
   */
  constructor({ keep = DEFAULT_KEPT, onFault = () => undefined }: DeadLettersOptions = {}) {
    this.#keep = keep
    this.#onFault = onFault
  }

  /** All dead letters so far. */
  get total(): number {
    return this.#total
  }

  /** How many there were for each reason. */
  get counts(): Readonly<Record<DeadLetterReason, number>> {
    return { ...this.#counts }
  }

  /** The last ones, the oldest first, as plain data. */
  recent(): readonly DeadLetterRecord[] {
    const start = this.#total % this.#keep
    return [...this.#ring.slice(start), ...this.#ring.slice(0, start)].map(({ message, ...record }) => ({
      ...record,
      message: summarize(message),
    }))
  }

  /**
   * Tells of each dead letter from now on, at once. Those that a subscriber causes by what it does are
   * counted and kept but not announced, since that might never end. The result ends it.
   */
  subscribe(listener: (letter: AddressedDeadLetter) => void): () => void {
    const own = (letter: AddressedDeadLetter): void => listener(letter)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  /** Notes one. Called by the mailboxes. */
  record(letter: AddressedDeadLetter): void {
    if (this.#keep > 0) this.#ring[this.#total % this.#keep] = letter
    this.#total += 1
    this.#counts[letter.reason] += 1
    if (this.#isTelling || this.#listeners.size === 0) return
    this.#isTelling = true
    try {
      for (const listener of [...this.#listeners]) this.#tell(listener, letter)
    } finally {
      this.#isTelling = false
    }
  }

  #tell(listener: (letter: AddressedDeadLetter) => void, letter: AddressedDeadLetter): void {
    try {
      listener(letter)
    } catch (error) {
      this.#onFault(error)
    }
  }
}

interface DeadLettersOptions {
  readonly keep?: number
  readonly onFault?: (error: unknown) => void
}
