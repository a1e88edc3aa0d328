import type { ServerDuplexStream } from '@grpc/grpc-js'
import type { ExovisorError } from '../errors.ts'
import { toStatus } from './status.ts'
import type { Transport, TransportEvents } from './tensor-link.ts'
import { streamLost, welcome } from './tensor-service.ts'

/** The server's end of a gRPC stream. */
export class ServerTransport implements Transport {
  readonly peer: string
  readonly #call: ServerDuplexStream<Buffer, Buffer>
  readonly #cut: () => void
  #over = false

  /** @param cut drops the connection under the stream, for when the stream itself is stuck */
  constructor(call: ServerDuplexStream<Buffer, Buffer>, cut: () => void) {
    this.peer = call.getPeer()
    this.#call = call
    this.#cut = cut
  }

  /** Tells the dialler that it was let in. */
  welcome(): void {
    this.#call.sendMetadata(welcome())
  }

  listen(events: TransportEvents): void {
    const call = this.#call
    call.on('data', (bytes: Buffer) => events.message(bytes))
    call.on('end', () => {
      if (!call.cancelled) events.ended()
    })
    call.on('cancelled', () => {
      this.#over = true
      events.failed(streamLost(this.peer, 'the stream broke'))
    })
    call.on('error', error => {
      if (!this.#over) events.failed(streamLost(this.peer, error.message, error))
    })
  }

  write(bytes: Buffer, flushed: () => void): void {
    if (!this.#over) this.#call.write(bytes, flushed)
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    this.#call.end()
  }

  refuse(error: ExovisorError): void {
    if (this.#over) return
    this.#over = true
    this.#call.emit('error', toStatus(error))
  }

  destroy(): void {
    this.#over = true
    this.#cut()
  }
}
