import type { Clock } from '../../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import { toErrorRecord } from '../../errors.ts'
import type { ResourceLog } from '../../resources/types.ts'
import type { HistoryEntry, HistoryQuery } from './entry.ts'
import type { HistoryFile } from './file.ts'
import { HistoryMemory } from './memory.ts'

/** A transaction is written a second after the first entry that waits for it. */
const WRITE_AFTER_MS = 1_000
/** So many entries are written at once: a few milliseconds of work. */
const WRITTEN_AT_ONCE = 1_000
/** So many wait at most. */
const MOST_WAITING = 10_000
const CLEAN_EVERY_MS = 60_000
const PAGE = 1_000

export interface HistoryOptions {
  /** Without a file the newest entries are kept in memory alone. */
  readonly file?: HistoryFile | undefined
  /** Milliseconds for which entries are kept in the file. */
  readonly retention: number
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: ResourceLog
  /** How many entries are kept in memory. Default: 20,000. */
  readonly capacity?: number
}

/**
 * What has happened: in memory, and in a file if there is one. Adding costs an entry in a queue; it is written later, in one transaction a
 * second at most. A file that fails is given up, with one line in the log, and what is in memory stays.
 */
export class History {
  readonly #options: HistoryOptions
  readonly #memory: HistoryMemory
  #file: HistoryFile | undefined
  readonly #waiting: HistoryEntry[] = []
  #lost = 0
  #cancelTimer: CancelTimer | undefined
  #cleanAt: number

  constructor(options: HistoryOptions) {
    this.#options = options
    this.#memory = new HistoryMemory(options.capacity)
    this.#file = options.file
    this.#cleanAt = options.clock.now()
    this.add({ type: 'start', time: options.now(), path: '' })
  }

  /** The path of the file; undefined while there is none, or none any more. */
  get file(): string | undefined {
    return this.#file?.path
  }

  /** Since when it can tell, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#reading(file => file.oldest) ?? this.#memory.oldest
  }

  add(entry: HistoryEntry): void {
    this.#memory.add(entry)
    if (!this.#file) return
    if (this.#waiting.length >= MOST_WAITING) {
      this.#lost += 1
      return
    }
    this.#waiting.push(entry)
    this.#cancelTimer ??= this.#later()
  }

  /** Entries oldest first. The event loop gets its turn after each thousand. */
  async *read(query: HistoryQuery = {}): AsyncGenerator<HistoryEntry, void, undefined> {
    this.#writeAll()
    if (!this.#file) {
      yield* this.#memory.read(query)
      return
    }
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after
      const page = this.#reading(file => file.page(query, from, PAGE))
      yield* page?.entries ?? []
      after = page?.last
      await new Promise<void>(resolve => this.#options.clock.nextTurn(resolve))
    }
  }

  /** The newest events of supervision since a time, at most `limit`, oldest of them first. */
  async lastEvents(
    limit: number,
    since = 0,
    fits: (path: string) => boolean = () => true,
  ): Promise<readonly HistoryEntry[]> {
    this.#writeAll()
    if (!this.#file) return this.#memory.lastEvents(limit, since, fits)
    const found: HistoryEntry[] = []
    for (let before: number | undefined = Number.MAX_SAFE_INTEGER; before !== undefined; ) {
      const from: number = before
      const page = this.#reading(file => file.newestEvents(from, since, PAGE))
      found.push(...(page?.entries ?? []).filter(({ path }) => fits(path)))
      before = found.length >= limit ? undefined : page?.last
      await new Promise<void>(resolve => this.#options.clock.nextTurn(resolve))
    }
    return found.slice(0, limit).reverse()
  }

  /** Writes what waits, and closes the file. */
  close(): void {
    this.add({ type: 'stop', time: this.#options.now(), path: '' })
    this.#writeAll()
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#file?.close()
    this.#file = undefined
  }

  #later(): CancelTimer {
    return schedule(this.#options.clock, WRITE_AFTER_MS, () => {
      this.#cancelTimer = undefined
      this.#write()
      this.#clean()
      if (this.#file && this.#waiting.length > 0) this.#cancelTimer ??= this.#later()
    })
  }

  #writeAll(): void {
    while (this.#file && this.#waiting.length > 0) this.#write()
  }

  #write(): void {
    const part = this.#waiting.splice(0, WRITTEN_AT_ONCE)
    if (this.#lost > 0) part.push({ type: 'lost', time: this.#options.now(), path: '', count: this.#lost })
    this.#lost = 0
    this.#reading(file => file.write(part))
  }

  #clean(): void {
    const { clock, now, retention } = this.#options
    if (clock.now() < this.#cleanAt) return
    const before = now() - retention
    const removed = this.#reading(file => file.removeBefore(before)) ?? 0
    // A full part: there is more.
    this.#cleanAt = clock.now() + (removed > 0 ? WRITE_AFTER_MS : CLEAN_EVERY_MS)
  }

  /** Works on the file, and gives it up when that fails. */
  #reading<T>(work: (file: HistoryFile) => T): T | undefined {
    if (!this.#file) return undefined
    try {
      return work(this.#file)
    } catch (error) {
      this.#options.log.error(
        { file: this.#file.path, error: toErrorRecord(error) },
        'the history file is given up; what is in memory stays',
      )
      this.#waiting.length = 0
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
      const file = this.#file
      this.#file = undefined
      try {
        file.close()
      } catch {
        // It cannot be used any more in any way.
      }
      return undefined
    }
  }
}
