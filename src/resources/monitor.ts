import type { Scheduler } from '../concurrency/scheduler.ts'
import type { ExovisorError } from '../errors.ts'

/**
 * How something ended. `normal`: by its own word, or it was closed. `failed`: with an error. `killed`: it was closed, and its cleanup
 * was left behind when its time was over. `gave up`: its restart intensity is spent, or its failure was escalated.
 */
export type DownReason = 'normal' | 'failed' | 'killed' | 'gave up'

/** What an end is called when such an error tells of it. */
export function downReason({ code }: ExovisorError): DownReason {
  if (code === 'EXO_INTENSITY_EXCEEDED' || code === 'EXO_ESCALATED') return 'gave up'
  return code === 'EXO_RESOURCE_CLOSED' ? 'normal' : 'failed'
}

/** The notice of an end. */
export interface Down {
  readonly kind: string
  readonly name: string
  /** The incarnation that ended; 0 when there never was one. */
  readonly incarnation: number
  readonly reason: DownReason
  /** Present unless the reason is normal. */
  readonly error?: ExovisorError
}

/** What a monitor watches. */
export interface MonitorOptions {
  /**
   * `resource`: the end after which no further incarnation comes by itself. `incarnation`: the end of the current
   * incarnation, as a monitor of OTP watches a process; of the first one when there is none yet. Default: `resource`.
   */
  readonly of?: 'resource' | 'incarnation'
}

interface Monitor {
  readonly of: 'resource' | 'incarnation'
  readonly listener: (down: Down) => void
}

/** Those who wait for the end of one ref. Each is told once, in a turn of its own, never in the stack of what ends. */
export class Monitors {
  readonly #scheduler: Scheduler
  readonly #onFault: (error: unknown) => void
  readonly #waiting = new Set<Monitor>()

  constructor(scheduler: Scheduler, onFault: (error: unknown) => void) {
    this.#scheduler = scheduler
    this.#onFault = onFault
  }

  /** @param down the end, if it was there before */
  add(of: Monitor['of'], listener: Monitor['listener'], down: Down | undefined): () => void {
    const monitor = { of, listener }
    this.#waiting.add(monitor)
    if (down) this.#post(monitor, down)
    return () => {
      this.#waiting.delete(monitor)
    }
  }

  tell(of: Monitor['of'], down: Down): void {
    for (const monitor of this.#waiting) if (monitor.of === of) this.#post(monitor, down)
  }

  #post(monitor: Monitor, down: Down): void {
    this.#scheduler.post(() => {
      // Taken back in the meantime, or told of an earlier end.
      if (!this.#waiting.delete(monitor)) return
      try {
        monitor.listener(down)
      } catch (error) {
        this.#onFault(error)
      }
    })
  }
}
