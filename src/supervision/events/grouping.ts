import type { Clock } from '../../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import { BURST_MS, Burst } from './burst.ts'
import type { EventSummary, SupervisionEvent } from './types.ts'

/** So many bursts are remembered before those that are over are looked for. */
const MANY_BURSTS = 1_024

/**
 * Tells events that come alone from those that come in their hundreds: of the latter it lets the first few of each type and
 * supervisor through, and sums up the rest at the end. OTP groups the errors of a supervisor's end by their reason in the same way.
 */
export class EventGrouping {
  readonly #clock: Clock
  readonly #tell: (summary: EventSummary) => void
  #bursts = new Map<string, Map<SupervisionEvent['type'], Burst>>()
  #size = 0
  #many = MANY_BURSTS
  readonly #pending = new Set<Burst>()
  #cancelTimer: CancelTimer | undefined
  #isClosed = false

  constructor(clock: Clock, tell: (summary: EventSummary) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** How many bursts are remembered, those that are over included. */
  get size(): number {
    return this.#size
  }

  /** True for an event that is to be told by itself. */
  admits(event: SupervisionEvent): boolean {
    if (this.#isClosed) return true
    const burst = this.#burstOf(event)
    if (burst.isPending && burst.remaining(event.at) === 0) this.#sumUp(burst, event.at)
    if (burst.admits(event)) return true
    this.#pending.add(burst)
    this.#cancelTimer ??= schedule(this.#clock, BURST_MS, () => this.#look())
    return false
  }

  /** Sums up at once what waits for the end of its burst. After this nothing is grouped any more, and no timer is armed. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const burst of this.#pending) this.#sumUp(burst, this.#clock.now())
    this.#bursts.clear()
    this.#size = 0
  }

  #burstOf(event: SupervisionEvent): Burst {
    const { supervisor, type } = event
    let types = this.#bursts.get(supervisor)
    const known = types?.get(type)
    if (known) return known
    if (this.#size >= this.#many) this.#forgetOld(event.at)
    types = this.#bursts.get(supervisor) ?? new Map()
    const burst = new Burst(event)
    this.#bursts.set(supervisor, types.set(type, burst))
    this.#size += 1
    return burst
  }

  /** Looks again only when there are twice as many as are left now: so that looking costs little, however many are alive. */
  #forgetOld(now: number): void {
    for (const [supervisor, types] of this.#bursts) {
      for (const [type, burst] of types) {
        if (!burst.isOver(now)) continue
        types.delete(type)
        this.#size -= 1
      }
      if (types.size === 0) this.#bursts.delete(supervisor)
    }
    this.#many = Math.max(MANY_BURSTS, this.#size * 2)
  }

  #look(): void {
    const now = this.#clock.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const burst of this.#pending) {
      const remaining = burst.remaining(now)
      if (remaining === 0) this.#sumUp(burst, now)
      else soonest = Math.min(soonest, remaining)
    }
    this.#cancelTimer =
      this.#pending.size > 0 ? schedule(this.#clock, soonest, () => this.#look()) : undefined
  }

  #sumUp(burst: Burst, now: number): void {
    this.#pending.delete(burst)
    this.#tell(burst.sumUp(now))
  }
}
