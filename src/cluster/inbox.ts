/**
 * A queue with one reader: values are put in at once, the reader waits for them. It ends by `end` or by
 * `fail`; values that were put before are still delivered. Its length is bounded by what its writer may
 * put, which the writer's own protocol limits (for a generation: its `maxTokens`).
 */
export class Inbox<Value> {
  readonly #values: Value[] = []
  #closed = false
  #error: unknown
  #wake: (() => void) | undefined

  /** Puts a value in; after the end it is dropped. */
  put(value: Value): void {
    if (this.#closed) return
    this.#values.push(value)
    this.#wake?.()
  }

  /** No further values: the reader's loop ends after what is there. */
  end(): void {
    this.#closed = true
    this.#wake?.()
  }

  /** Like {@link end}, but the reader's loop throws. */
  fail(error: unknown): void {
    if (this.#closed) return
    this.#error = error
    this.end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
    for (;;) {
      const value = this.#values.shift()
      if (value !== undefined) yield value
      else if (this.#error !== undefined) throw this.#error
      else if (this.#closed) return
      else
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
    }
  }
}
