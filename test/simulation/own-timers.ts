import { getEventListeners } from 'node:events'
import type { WarpedClock } from './warped-clock.ts'

/** The time that passes in the effects of leaves and in callers, told apart from the timers of the kernel. */
export class OwnTimers {
  readonly #clock: WarpedClock
  /** Those that callers gave. */
  readonly #signals: AbortSignal[] = []
  #armed = 0

  constructor(clock: WarpedClock) {
    this.#clock = clock
  }

  get armed(): number {
    return this.#armed
  }

  /** How many listen to the signals that callers gave. */
  get listeners(): number {
    return this.#signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0)
  }

  /** A signal as callers give it, aborted after a while or never. */
  signal(abortAfter?: number): AbortSignal {
    const controller = new AbortController()
    this.#signals.push(controller.signal)
    if (abortAfter !== undefined) this.later(abortAfter, () => controller.abort())
    return controller.signal
  }

  /** A time that passes in the world. Rejects at once when the signal is aborted. */
  pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = this.later(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  forever(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((_, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  later(ms: number, fn: () => void): () => void {
    this.#armed += 1
    let armed = true
    const disarm = (): boolean => {
      const was = armed
      armed = false
      if (was) this.#armed -= 1
      return was
    }
    const handle = this.#clock.setTimeout(() => {
      if (disarm()) fn()
    }, ms)
    return () => {
      if (disarm()) this.#clock.clearTimeout(handle)
    }
  }
}
