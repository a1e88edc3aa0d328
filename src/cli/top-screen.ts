import type { ReadStream, WriteStream } from 'node:tty'
import { redraw } from './top-draw.ts'
import { afterKeys, type TopPlace } from './top-keys.ts'
import type { TopModel } from './top-model.ts'
import { topPicture } from './top-picture.ts'
import type { Line } from './top-text.ts'

/** What of a terminal is needed; that of the process fits. */
export interface Terminal {
  readonly input: Pick<ReadStream, 'on' | 'off' | 'pause' | 'resume' | 'setRawMode'>
  readonly output: Pick<WriteStream, 'on' | 'off' | 'write' | 'writableNeedDrain' | 'columns' | 'rows'>
  readonly colour: boolean
  /** Milliseconds since 1970. */
  now(): number
}

/** The second screen, as an editor has one, without a cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'

/**
 * Shows a node in a terminal, and follows the keys. The terminal is as it was when it is closed, or when the process ends in whatever
 * orderly way.
 */
export class TopScreen {
  readonly #model: TopModel
  readonly #terminal: Terminal
  readonly #onQuit: () => void
  #place: TopPlace = { scroll: 0, filter: '', isTyping: false }
  #page = 1
  /** What the terminal shows; undefined when nobody knows. */
  #shown: readonly Line[] | undefined
  #isOpen = false

  constructor(model: TopModel, terminal: Terminal, onQuit: () => void) {
    this.#model = model
    this.#terminal = terminal
    this.#onQuit = onQuit
  }

  /** Does nothing when it is open. */
  open(): void {
    if (this.#isOpen) return
    const { input, output } = this.#terminal
    this.#isOpen = true
    output.write(ENTER)
    input.setRawMode(true)
    input.resume()
    input.on('data', this.#typed)
    output.on('resize', this.#resized)
    output.on('drain', this.draw)
    process.once('exit', this.close)
  }

  /** Draws what has changed; nothing while the terminal has not taken the picture before. */
  readonly draw = (): void => {
    const { output, colour } = this.#terminal
    if (!this.#isOpen || output.writableNeedDrain) return
    const view = { columns: output.columns, rows: output.rows, ...this.#place, now: this.#terminal.now() }
    const { lines, scroll, page } = topPicture(this.#model, view)
    this.#place = { ...this.#place, scroll }
    this.#page = page
    const text = redraw(this.#shown, lines, colour)
    this.#shown = lines
    if (text !== '') output.write(text)
  }

  readonly close = (): void => {
    if (!this.#isOpen) return
    this.#isOpen = false
    const { input, output } = this.#terminal
    process.off('exit', this.close)
    output.off('resize', this.#resized)
    output.off('drain', this.draw)
    input.off('data', this.#typed)
    input.setRawMode(false)
    input.pause()
    output.write(LEAVE)
  }

  readonly #resized = (): void => {
    this.#shown = undefined
    this.draw()
  }

  readonly #typed = (data: Buffer | string): void => {
    const next = afterKeys(this.#place, String(data), this.#page)
    if (next === 'quit') {
      this.#onQuit()
      return
    }
    this.#place = next
    this.draw()
  }
}
