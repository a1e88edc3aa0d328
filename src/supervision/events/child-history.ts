import { EventSlot } from './event-slot.ts'
import type { SupervisionEvent } from './types.ts'

const REMEMBERED = 32

/** The last 32 events of one child. */
export class ChildHistory {
  readonly #supervisor: string
  readonly #name: string
  readonly #kind: string
  /** Grows up to its capacity, then is written round and round. */
  readonly #slots: EventSlot[] = []
  #next = 0

  constructor(supervisor: string, name: string, kind: string) {
    this.#supervisor = supervisor
    this.#name = name
    this.#kind = kind
  }

  /** The slot of the next event; it holds the oldest one until it is filled. */
  next(): EventSlot {
    const slot = this.#slots[this.#next] ?? new EventSlot()
    this.#slots[this.#next] = slot
    this.#next = (this.#next + 1) % REMEMBERED
    return slot
  }

  /** Oldest first. */
  events(): SupervisionEvent[] {
    // While it grows, nothing stands behind the next place.
    const inOrder = [...this.#slots.slice(this.#next), ...this.#slots.slice(0, this.#next)]
    return inOrder.map(slot => slot.event(this.#supervisor, this.#name, this.#kind))
  }
}
