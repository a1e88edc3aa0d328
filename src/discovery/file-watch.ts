import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'

/** How a file is watched. Times in milliseconds. */
export interface FileWatchOptions {
  readonly path: string
  readonly clock: Clock
  /** The file may have changed, come or gone. Not called again before the last call has settled. */
  onChange(): Promise<void>
  /** Quiet time after which a change counts as finished. Default 50. */
  readonly settle?: number
  /** Time between two looks at the file itself, for file systems that report nothing. Default 1000. */
  readonly poll?: number
}

/** Watches one file. Its directory is watched, because editors replace files, and a watch of a file follows the old one. */
export class FileWatch {
  readonly #options: FileWatchOptions
  readonly #path: string
  #watcher: FSWatcher | undefined
  #mark = ''
  #closed = false
  #working = false
  #again = false
  #cancelSettle: CancelTimer = () => undefined
  #cancelPoll: CancelTimer = () => undefined

  constructor(options: FileWatchOptions) {
    this.#options = options
    this.#path = resolve(options.path)
  }

  /** Begins to watch; what the file is now counts as known. */
  async start(): Promise<void> {
    this.#mark = await fingerprint(this.#path)
    if (this.#closed) return
    this.#openWatcher()
    this.#pollLater()
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
    this.#cancelSettle()
    this.#cancelPoll()
  }

  #openWatcher(): void {
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(this.#path)) this.#changed()
      })
      // Polling goes on; it also finds a directory that was removed and made again.
      watcher.on('error', () => watcher.close())
      this.#watcher = watcher
    } catch {
      this.#watcher = undefined
    }
  }

  #changed(): void {
    if (this.#closed) return
    this.#cancelSettle()
    this.#cancelSettle = schedule(this.#options.clock, this.#options.settle ?? 50, () => void this.#work())
  }

  #pollLater(): void {
    this.#cancelPoll = schedule(this.#options.clock, this.#options.poll ?? 1_000, () => void this.#poll())
  }

  async #poll(): Promise<void> {
    const mark = await fingerprint(this.#path)
    if (this.#closed) return
    if (mark !== this.#mark) await this.#work()
    if (!this.#closed) this.#pollLater()
  }

  async #work(): Promise<void> {
    if (this.#working) {
      this.#again = true
      return
    }
    this.#working = true
    try {
      do {
        this.#again = false
        // Taken before reading: what is written in the meantime is seen by the next look.
        this.#mark = await fingerprint(this.#path)
        if (!this.#closed) await this.#options.onChange()
      } while (this.#again && !this.#closed)
    } finally {
      this.#working = false
    }
  }
}

async function fingerprint(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  } catch (error) {
    return String(error)
  }
}
