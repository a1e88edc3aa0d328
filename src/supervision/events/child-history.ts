import { type EventArchive, NO_ROW } from './event-archive.ts'
import type { SupervisionEvent } from './types.ts'

const REMEMBERED = 32

/** The last 32 events of one child. */
export class ChildHistory {
  readonly #archive: EventArchive
  readonly #name: string
  readonly #kind: string
  /** Of a ring of rows that grows up to its size, then is written round and round. */
  #newest = NO_ROW
  #count = 0

  constructor(archive: EventArchive, name: string, kind: string) {
    this.#archive = archive
    this.#name = name
    this.#kind = kind
  }

  add(event: SupervisionEvent): void {
    if (this.#count === REMEMBERED) this.#newest = this.#archive.after(this.#newest)
    else {
      this.#newest = this.#archive.insert(this.#newest)
      this.#count += 1
    }
    this.#archive.write(this.#newest, event)
  }

  /** Oldest first. */
  events(): SupervisionEvent[] {
    const events: SupervisionEvent[] = []
    for (let row = this.#newest; events.length < this.#count; ) {
      row = this.#archive.after(row)
      events.push(this.#archive.read(row, this.#name, this.#kind))
    }
    return events
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#newest !== NO_ROW) this.#archive.release(this.#newest)
    this.#newest = NO_ROW
    this.#count = 0
  }
}
