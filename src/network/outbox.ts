import { type Deferred, deferred } from '../concurrency/deferred.ts'
import type { ExovisorError } from '../errors.ts'

/** How much may wait to be sent. */
export interface OutboxLimits {
  /** From so many bytes on the sender is asked to wait, until half of them are gone. */
  readonly highWaterBytes: number
  /** A sender that does not wait may go so far, and no further. */
  readonly maxBytes: number
}

/** Two large prefill chunks wait without stopping the sender; what ignores that is cut off at 128 MB. */
export const defaultOutboxLimits: OutboxLimits = { highWaterBytes: 8 << 20, maxBytes: 128 << 20 }

/** Hands messages to the transport, which calls `flushed` when it has passed the bytes on. */
type Write = (bytes: Buffer, flushed: () => void) => void

// Enough in flight to keep the socket busy, little enough for a heartbeat behind it not to wait long.
const IN_FLIGHT_BYTES = 512 << 10

/** What waits to be sent on one link: in order, and never more than the limits allow. */
export class Outbox {
  readonly #write: Write
  readonly #limits: OutboxLimits
  readonly #queue: Buffer[] = []
  #bytes = 0
  #inFlight = 0
  #room: Deferred<void> | undefined
  #empty: Deferred<void> | undefined
  #closed: ExovisorError | undefined

  constructor(write: Write, limits: OutboxLimits) {
    this.#write = write
    this.#limits = limits
  }

  /** Bytes that were given and not yet passed on. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether `bytes` more would be too much. */
  overflows(bytes: number): boolean {
    return this.#bytes + bytes > this.#limits.maxBytes
  }

  /** Queues messages; false asks to wait for {@link drained}. */
  push(messages: readonly Buffer[]): boolean {
    for (const message of messages) {
      this.#queue.push(message)
      this.#bytes += message.byteLength
    }
    this.#pump()
    return this.#bytes < this.#limits.highWaterBytes
  }

  /** Resolves when there is room again; rejects with the reason of {@link close}. */
  drained(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed)
    if (this.#bytes < this.#limits.highWaterBytes) return Promise.resolve()
    this.#room ??= deferred()
    return this.#room.promise
  }

  /** Resolves when everything is passed on; rejects with the reason of {@link close}. */
  emptied(): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed)
    if (this.#bytes === 0) return Promise.resolve()
    this.#empty ??= deferred()
    return this.#empty.promise
  }

  /** Drops what waits and fails those who wait. */
  close(reason: ExovisorError): void {
    if (this.#closed) return
    this.#closed = reason
    this.#queue.length = 0
    this.#room?.reject(reason)
    this.#empty?.reject(reason)
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#inFlight < IN_FLIGHT_BYTES) {
      const message = this.#queue.shift()
      if (!message) return
      this.#inFlight += message.byteLength
      this.#write(message, () => this.#flushed(message.byteLength))
    }
  }

  #flushed(bytes: number): void {
    if (this.#closed) return
    this.#inFlight -= bytes
    this.#bytes -= bytes
    this.#pump()
    if (this.#bytes * 2 < this.#limits.highWaterBytes) {
      this.#room?.resolve()
      this.#room = undefined
    }
    if (this.#bytes > 0) return
    this.#empty?.resolve()
    this.#empty = undefined
  }
}
