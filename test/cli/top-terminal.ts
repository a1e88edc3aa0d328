/** A terminal that obeys what `top` sends, and nothing else: what it does not know is a fault. */
export class FakeTerminal {
  readonly #cells: string[][] = []
  readonly #columns: number
  #row = 0
  #column = 0

  constructor(columns: number) {
    this.#columns = columns
  }

  /** What it shows, line by line, without the blanks at the end. */
  get lines(): readonly string[] {
    return Array.from(this.#cells, cells =>
      Array.from(cells ?? [], cell => cell ?? ' ')
        .join('')
        .trimEnd(),
    )
  }

  write(text: string): void {
    for (const [token] of text.matchAll(/\p{Cc}\[[?0-9;]*[A-Za-z]|[\s\S]/gu)) {
      if (token.length > 1 && token.startsWith('\u001b')) this.#obey(token.slice(2))
      else this.#put(token)
    }
  }

  #put(character: string): void {
    if (/\p{Cc}/u.test(character)) throw new Error(`a control character ${JSON.stringify(character)}`)
    this.#cells[this.#row] ??= []
    const line = this.#cells[this.#row]!
    line[this.#column] = character
    this.#column += 1
    if (/[\u4e00-\u9fff]/u.test(character)) {
      line[this.#column] = ''
      this.#column += 1
    }
  }

  #obey(sequence: string): void {
    if (sequence.endsWith('m') || sequence.startsWith('?')) return
    if (sequence === '2J') this.#cells.length = 0
    // As a real one does, it keeps the cursor on the last cell of a row that is full.
    else if (sequence === 'K') this.#cells[this.#row]?.splice(Math.min(this.#column, this.#columns - 1))
    else if (sequence.endsWith('H')) {
      const [row = 1, column = 1] = sequence.slice(0, -1).split(';').map(Number)
      this.#row = row - 1
      this.#column = column - 1
    } else throw new Error(`an unknown sequence ${sequence}`)
  }
}
