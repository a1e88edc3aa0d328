import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { ExovisorError } from '../errors.ts'
import type { ResourceSelf } from '../resources/types.ts'
import { Heartbeat, type HeartbeatTiming } from './heartbeat.ts'
import { RoundTrip } from './round-trip.ts'

/** A stopped peer is seen after one second, a broken connection at once. */
export const defaultPeerWatch: HeartbeatTiming = { intervalMs: 250, deadlineMs: 500, misses: 2 }

/** What a monitor needs. */
export interface PeerMonitorOptions {
  readonly timing: HeartbeatTiming
  readonly clock: Clock
  /** Runs a question, and what follows from it. */
  readonly spawn: ResourceSelf['spawn']
  /** Asks the peer whether it serves; must settle in the end. */
  probe(): Promise<void>
  /** Tells once when the connection that is up now is lost. */
  onLost(listener: () => void): void
  /** The peer does not answer any more. */
  down(error: unknown): void
  /** It was down and answers again. Throws or rejects when that is not to be believed: then it stays down. */
  up(): Promise<void>
}

/** Watches whether a peer answers, all the time: by a question every interval, and by the state of the connection. */
export class PeerMonitor {
  readonly #options: PeerMonitorOptions
  readonly #roundTrip: RoundTrip
  #heartbeat: Heartbeat | undefined
  #probing = false
  #stopped = false
  /** Changes whenever what was begun before shall have no effect any more. */
  #turn = 0
  #cancelRetry: CancelTimer = () => undefined

  constructor(options: PeerMonitorOptions) {
    this.#options = options
    this.#roundTrip = new RoundTrip(options.clock)
  }

  /** Smoothed time of a question there and back in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTrip.smoothedMs
  }

  /** Begins to watch a peer that answers now. */
  start(): void {
    if (this.#stopped) return
    const heartbeat = new Heartbeat({
      timing: this.#options.timing,
      clock: this.#options.clock,
      ping: () => this.#options.spawn('probe', () => this.#ask(heartbeat)),
      dead: silence =>
        this.#down(
          heartbeat,
          new ExovisorError('EXO_PEER_TIMEOUT', `the peer was silent for ${Math.round(silence)} ms`),
        ),
    })
    this.#heartbeat = heartbeat
    this.#options.onLost(() => this.#options.spawn('probe', () => this.#ask(heartbeat)))
    heartbeat.start()
  }

  /** Looks away while `mend` works on the connection, then goes on with what came of it. */
  async during(mend: () => Promise<void>): Promise<void> {
    this.#rest()
    const turn = this.#turn
    try {
      await mend()
      if (turn === this.#turn) this.start()
    } catch (error) {
      if (turn === this.#turn) this.#retryLater()
      throw error
    }
  }

  stop(): void {
    this.#stopped = true
    this.#rest()
  }

  async #ask(heartbeat: Heartbeat): Promise<void> {
    if (this.#probing || this.#heartbeat !== heartbeat) return
    this.#probing = true
    const sequence = this.#roundTrip.start()
    try {
      await this.#options.probe()
      this.#roundTrip.returned(sequence)
      heartbeat.heard()
    } catch (error) {
      this.#roundTrip.dropped()
      // Slowness is judged by the heartbeat alone, which knows how late this process is itself.
      if (!(error instanceof ExovisorError && error.code === 'EXO_PEER_TIMEOUT')) this.#down(heartbeat, error)
    } finally {
      this.#probing = false
    }
  }

  #down(heartbeat: Heartbeat, error: unknown): void {
    if (this.#heartbeat !== heartbeat) return
    this.#rest()
    this.#options.down(error)
    this.#retryLater()
  }

  #rest(): void {
    this.#turn += 1
    this.#heartbeat?.stop()
    this.#heartbeat = undefined
    this.#cancelRetry()
  }

  #retryLater(): void {
    if (this.#stopped) return
    this.#cancelRetry = schedule(this.#options.clock, this.#options.timing.intervalMs, () =>
      this.#options.spawn('reconnect', () => this.#retry()),
    )
  }

  async #retry(): Promise<void> {
    const turn = this.#turn
    try {
      await this.#options.up()
      if (turn === this.#turn) this.start()
    } catch {
      if (turn === this.#turn) this.#retryLater()
    }
  }
}
