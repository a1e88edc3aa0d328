import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { detach } from '../concurrency/detach.ts'

interface WaveOptions<Item> {
  /** How many run side by side at most. */
  readonly limit: number
  /** False while an item must wait for others. Asked again after each end. */
  isFree(item: Item): boolean
  /** The work of one item. Must not reject. */
  run(item: Item): Promise<void>
}

/**
 * Works items off in their order, at most `limit` side by side, each once it is free. With a limit of one, and items that wait for
 * earlier ones only, this is a plain sequence.
 */
export class Wave<Item> {
  readonly #options: WaveOptions<Item>
  readonly #waiting: Set<Item>
  #running = 0
  #idle: Deferred<void> | undefined

  constructor(items: Iterable<Item>, options: WaveOptions<Item>) {
    this.#waiting = new Set(items)
    this.#options = options
  }

  /** True while an item waits or runs. */
  get isBusy(): boolean {
    return this.#running > 0 || this.#waiting.size > 0
  }

  /** Begins what can begin. Resolves when nothing waits and nothing runs; look at `isBusy` then, for items added meanwhile. */
  run(): Promise<void> {
    this.#idle ??= deferred()
    const { promise } = this.#idle
    this.#pump()
    return promise
  }

  /** One more item, at the end of the line. */
  add(item: Item): void {
    this.#waiting.add(item)
    this.#pump()
  }

  /** Begins nothing any more. */
  stop(): void {
    this.#waiting.clear()
    this.#pump()
  }

  #next(): Item | undefined {
    if (this.#running >= this.#options.limit) return undefined
    for (const item of this.#waiting) if (this.#options.isFree(item)) return item
    return undefined
  }

  #pump(): void {
    for (let item = this.#next(); item !== undefined; item = this.#next()) {
      this.#waiting.delete(item)
      this.#running += 1
      detach(
        this.#options.run(item).then(() => {
          this.#running -= 1
          this.#pump()
        }),
      )
    }
    if (this.isBusy) return
    this.#idle?.resolve()
    this.#idle = undefined
  }
}
