import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { type Frame, signalFrame } from './frame.ts'
import { decodeFrame, encodeFrame, type FrameLimits } from './frame-codec.ts'
import { FrameAssembler, splitFrame } from './frame-parts.ts'
import { Heartbeat, type HeartbeatTiming } from './heartbeat.ts'
import { Outbox, type OutboxLimits } from './outbox.ts'
import { RoundTrip } from './round-trip.ts'
import type { TensorLink, Transport } from './tensor-link.ts'

/** What a link needs beside its transport. */
export interface StreamLinkOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly heartbeat: HeartbeatTiming
  readonly frameLimits: FrameLimits
  readonly outboxLimits: OutboxLimits
}

/** A link that is being closed may take so long without a sign of life of its neighbour, */
const CLOSE_GRACE_MS = 1_000
/** and so many times as long with one. */
const MAX_GRACES = 10
/** Frames that may wait for the first listener. */
const MAX_UNHEARD = 1_024

/** The {@link TensorLink} over any transport. */
export class StreamLink implements TensorLink {
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #frameLimits: FrameLimits
  readonly #assembler: FrameAssembler
  readonly #outbox: Outbox
  readonly #heartbeat: Heartbeat
  readonly #roundTrip: RoundTrip
  readonly #closedListeners: ((error: ExovisorError | undefined) => void)[] = []
  #unheard: Frame[] = []
  #listener: ((frame: Frame) => void) | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  #error: ExovisorError | undefined
  #received = 0
  #pingWaits = false
  #pongWaits = false
  #nextPong: number | undefined
  #cancelGrace: CancelTimer = () => undefined

  constructor({ transport, clock, heartbeat, frameLimits, outboxLimits }: StreamLinkOptions) {
    this.#transport = transport
    this.#clock = clock
    this.#frameLimits = frameLimits
    this.#assembler = new FrameAssembler(frameLimits.maxPayloadBytes)
    this.#outbox = new Outbox((bytes, flushed) => transport.write(bytes, flushed), outboxLimits)
    this.#roundTrip = new RoundTrip(clock)
    this.#heartbeat = new Heartbeat({
      timing: heartbeat,
      clock,
      ping: () => this.#ping(),
      dead: silence => this.#fail(this.#broken(`was silent for ${Math.round(silence)} ms`)),
    })
    transport.listen({
      message: bytes => this.#receive(bytes),
      ended: () => this.#remoteEnded(),
      failed: error => this.#finish(this.#state === 'closing' ? undefined : error),
    })
    this.#heartbeat.start()
  }

  get peer(): string {
    return this.#transport.peer
  }

  get roundTripMs(): number | undefined {
    return this.#roundTrip.smoothedMs
  }

  send(frame: Frame): boolean {
    const bytes = encodeFrame(frame, this.#frameLimits)
    if (this.#state !== 'open') return false
    if (this.#outbox.overflows(bytes.byteLength)) {
      this.#fail(this.#broken(`takes too little: ${this.#outbox.bytes} bytes wait to be sent`))
      return false
    }
    return this.#outbox.push(splitFrame(bytes))
  }

  drained(): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#error ?? this.#broken('is closed'))
    return this.#outbox.drained()
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#listener = listener
    const waiting = this.#unheard
    this.#unheard = []
    for (const frame of waiting) this.#deliver(frame)
  }

  onClosed(listener: (error: ExovisorError | undefined) => void): void {
    if (this.#state === 'closed') queueMicrotask(() => listener(this.#error))
    else this.#closedListeners.push(listener)
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#heartbeat.stop()
    this.#awaitLeave(MAX_GRACES)
    this.#outbox.emptied().then(
      () => this.#transport.end(),
      () => undefined,
    )
  }

  // A neighbour that still takes or sends anything is busy, not gone: it gets the time to read to the end.
  #awaitLeave(graces: number): void {
    const before = { received: this.#received, bytes: this.#outbox.bytes }
    this.#cancelGrace = schedule(this.#clock, CLOSE_GRACE_MS, () => {
      if (graces > 1 && (this.#received !== before.received || this.#outbox.bytes !== before.bytes)) {
        this.#awaitLeave(graces - 1)
        return
      }
      this.#transport.destroy()
      this.#finish(undefined)
    })
  }

  #receive(bytes: Buffer): void {
    if (this.#state === 'closed') return
    this.#received += 1
    this.#heartbeat.heard()
    try {
      const whole = this.#assembler.push(bytes)
      if (whole) this.#take(decodeFrame(whole, this.#frameLimits))
    } catch (cause) {
      const fault = isExovisorError(cause, 'EXO_FRAME_INVALID')
        ? cause
        : new ExovisorError('EXO_INTERNAL', String(cause), { cause })
      this.#fail(
        new ExovisorError(fault.code, `link to ${this.peer}: ${fault.message}`, {
          cause,
          details: fault.details,
        }),
      )
    }
  }

  #take(frame: Frame): void {
    if (frame.kind === 'ping') this.#pong(frame.sequence)
    else if (frame.kind === 'pong') this.#roundTrip.returned(frame.sequence)
    else if (this.#state === 'open') this.#deliver(frame)
  }

  #deliver(frame: Frame): void {
    if (this.#listener) this.#listener(frame)
    else if (this.#unheard.push(frame) > MAX_UNHEARD)
      this.#fail(this.#broken(`sent ${MAX_UNHEARD} frames that nobody takes`))
  }

  // Signs of life pass by the queue of the outbox. At most one ping and one pong wait for the socket, however
  // slow it is and however many pings come in.
  #ping(): void {
    if (this.#pingWaits) return
    this.#pingWaits = true
    this.#transport.write(encodeFrame(signalFrame('ping', this.#roundTrip.start())), () => {
      this.#pingWaits = false
    })
  }

  #pong(sequence: number): void {
    if (this.#pongWaits) {
      this.#nextPong = sequence
      return
    }
    this.#pongWaits = true
    this.#transport.write(encodeFrame(signalFrame('pong', sequence)), () => {
      this.#pongWaits = false
      const next = this.#nextPong
      this.#nextPong = undefined
      if (next !== undefined && this.#state === 'open') this.#pong(next)
    })
  }

  #remoteEnded(): void {
    if (this.#state === 'closing') {
      this.#finish(undefined)
      return
    }
    this.#transport.end()
    this.#finish(this.#broken('closed the stream'))
  }

  #fail(error: ExovisorError): void {
    if (this.#state === 'closed') return
    this.#transport.refuse(error)
    this.#finish(error)
    this.#cancelGrace = schedule(this.#clock, CLOSE_GRACE_MS, () => this.#transport.destroy())
  }

  #finish(error: ExovisorError | undefined): void {
    this.#cancelGrace()
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#error = error
    this.#heartbeat.stop()
    this.#unheard = []
    this.#outbox.close(error ?? this.#broken('is closed'))
    for (const listener of this.#closedListeners) listener(error)
  }

  #broken(what: string): ExovisorError {
    return new ExovisorError('EXO_STREAM_CLOSED', `link to ${this.peer}: the neighbour ${what}`, {
      details: { peer: this.peer },
    })
  }
}
