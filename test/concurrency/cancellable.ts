import { Cancelled, type CancelSource } from '../../src/concurrency/cancellation.ts'

/** A cancellation made by hand, which knows who listens to it. */
export class Cancellable implements CancelSource {
  readonly #listeners = new Set<() => void>()
  readonly #error = new Cancelled('the step', undefined)
  isCancelled = false

  get listeners(): number {
    return this.#listeners.size
  }

  cancelled(): Cancelled {
    return this.#error
  }

  onCancel(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  cancel(): void {
    this.isCancelled = true
    const told = [...this.#listeners]
    this.#listeners.clear()
    for (const listener of told) listener()
  }
}
