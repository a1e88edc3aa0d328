import type { JournalLine, ViewMessage } from './messages.ts'
import type { ViewJournal } from './view-journal.ts'

/** Rows and events that go into one message. */
const MOST_A_MESSAGE = 500

const sizeOf = ({ event }: JournalLine): number =>
  event.type === 'rows' ? 1 + event.changed.length + event.removed.length : 1

/** The first lines that one message takes; at least one. */
function portion(lines: readonly JournalLine[]): readonly JournalLine[] {
  let size = 0
  const end = lines.findIndex(line => {
    size += sizeOf(line)
    return size > MOST_A_MESSAGE
  })
  return end < 0 ? lines : lines.slice(0, Math.max(1, end))
}

/** One reader of a journal: it remembers a number, and takes lines when it is its turn. */
export class JournalReader {
  readonly #journal: ViewJournal
  #told: number
  #replay: Iterator<ViewMessage> | undefined

  /** Begins with the next line. */
  constructor(journal: ViewJournal) {
    this.#journal = journal
    this.#told = journal.sequence
  }

  /** Tells once more, from the line after a number on; before the first that is kept stands the tree that the journal begins with. */
  replay(after: number): void {
    this.#replay = this.#again(after)
  }

  /** The next message, if there is anything to tell. */
  next(): ViewMessage | undefined {
    const again = this.#replay?.next()
    if (again && !again.done) return again.value
    this.#replay = undefined
    const { sequence, dropped } = this.#journal
    if (this.#told >= sequence) return undefined
    const lost = Math.max(0, dropped - this.#told)
    const lines = portion(this.#journal.after(this.#told, MOST_A_MESSAGE))
    this.#told = lines.at(-1)?.sequence ?? sequence
    return { type: 'journal', lines, dropped: lost }
  }

  *#again(after: number): Generator<ViewMessage, void, undefined> {
    let told = after
    if (after === 0 || after < this.#journal.dropped) {
      const lines = this.#journal.beginning()
      told = this.#journal.dropped
      for (const line of lines) yield { type: 'journal', lines: [line], dropped: 0 }
    }
    while (told < this.#journal.sequence) {
      const lost = Math.max(0, this.#journal.dropped - told)
      const lines = portion(this.#journal.after(told, MOST_A_MESSAGE))
      told = lines.at(-1)?.sequence ?? this.#journal.sequence
      this.#told = Math.max(this.#told, told)
      yield { type: 'journal', lines, dropped: lost }
    }
  }
}
