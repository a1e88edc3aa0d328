import type { Clock } from '../concurrency/clock.ts'

// One part in eight, as TCP smooths its round trips (RFC 6298).
const GAIN = 1 / 8

/** Measures round trips: one question at a time is timed, by its number. */
export class RoundTrip {
  readonly #clock: Clock
  #sequence = 0
  #asked: { readonly sequence: number; readonly at: number } | undefined
  #smoothed: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Smoothed round trip in milliseconds; undefined before the first. */
  get smoothedMs(): number | undefined {
    return this.#smoothed
  }

  /** Numbers a question that is sent now. */
  start(): number {
    this.#sequence += 1
    this.#asked ??= { sequence: this.#sequence, at: this.#clock.now() }
    return this.#sequence
  }

  /** There will be no answer to what is being timed. */
  dropped(): void {
    this.#asked = undefined
  }

  /** The answer to question `sequence` is here. Others than the timed one are ignored. */
  returned(sequence: number): void {
    if (!this.#asked || sequence < this.#asked.sequence) return
    if (sequence === this.#asked.sequence) {
      const took = this.#clock.now() - this.#asked.at
      this.#smoothed = this.#smoothed === undefined ? took : this.#smoothed + GAIN * (took - this.#smoothed)
    }
    this.#asked = undefined
  }
}
