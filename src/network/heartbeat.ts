import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'

/** How often to ask for a sign of life, and how much silence means death. All in milliseconds. */
export interface HeartbeatTiming {
  /** Time between two pings. */
  readonly intervalMs: number
  /** Silence that counts as one miss. */
  readonly deadlineMs: number
  /** Misses in a row after which the other side counts as dead. */
  readonly misses: number
}

/** A stopped neighbour is seen after 0.9 s; a busy one may be late by as much. */
export const defaultHeartbeat: HeartbeatTiming = { intervalMs: 50, deadlineMs: 300, misses: 3 }

/** What a heartbeat needs from its owner. */
export interface HeartbeatOptions {
  readonly timing: HeartbeatTiming
  readonly clock: Clock
  /** Asks the other side for a sign of life. */
  ping(): void
  /** The other side was silent for so long. Called at most once. */
  dead(silenceMs: number): void
  /** Calls `fn` after the event loop has looked at its sockets once. Default: setImmediate. */
  readonly afterPoll?: (fn: () => void) => void
}

/**
 * Judges by silence whether the other side lives; anything it sends is a sign of life.
 *
 * A loop that was busy must not blame others for what lies unread in its own sockets: time in which our own
 * timer came late does not count as silence, and before the verdict the sockets are read twice more, because
 * libuv runs timers before it polls.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #afterPoll: (fn: () => void) => void
  #quietSince = 0
  #due = 0
  #judging = false
  #signs = 0
  #stopped = false
  #cancel: CancelTimer = () => undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#afterPoll = options.afterPoll ?? (fn => void setImmediate(fn))
  }

  /** Pings at once and goes on until {@link stop}. */
  start(): void {
    this.#quietSince = this.#options.clock.now()
    this.#options.ping()
    this.#arm()
  }

  /** The other side has given a sign of life. */
  heard(): void {
    this.#signs += 1
    this.#quietSince = this.#options.clock.now()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #arm(): void {
    const { clock, timing } = this.#options
    this.#due = clock.now() + timing.intervalMs
    this.#cancel = schedule(clock, timing.intervalMs, () => this.#tick())
  }

  #tick(): void {
    const { clock, timing, ping } = this.#options
    const late = clock.now() - this.#due
    if (late > 0) this.#quietSince = Math.min(clock.now(), this.#quietSince + late)
    if (this.#silence() >= timing.deadlineMs * timing.misses) this.#judge()
    ping()
    if (!this.#stopped) this.#arm()
  }

  #judge(): void {
    if (this.#judging) return
    this.#judging = true
    const signs = this.#signs
    this.#afterPoll(() =>
      this.#afterPoll(() => {
        this.#judging = false
        if (this.#stopped || this.#signs !== signs) return
        this.stop()
        this.#options.dead(this.#silence())
      }),
    )
  }

  #silence(): number {
    return this.#options.clock.now() - this.#quietSince
  }
}
