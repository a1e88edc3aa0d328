import type { Client, ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import type { ExovisorError } from '../errors.ts'
import { fromServiceError } from './status.ts'
import type { Transport, TransportEvents } from './tensor-link.ts'
import { streamLost } from './tensor-service.ts'

/** The dialler's end of a gRPC stream, with the channel under it. */
export class ClientTransport implements Transport {
  readonly peer: string
  readonly #call: ClientDuplexStream<Buffer, Buffer>
  readonly #client: Client
  #over = false

  constructor(call: ClientDuplexStream<Buffer, Buffer>, client: Client, peer: string) {
    this.peer = peer
    this.#call = call
    this.#client = client
  }

  listen(events: TransportEvents): void {
    const call = this.#call
    let ended = false
    call.on('data', (bytes: Buffer) => events.message(bytes))
    // The end of data says nothing yet: a broken stream ends too, and tells why in the error after it.
    call.on('end', () => {
      ended = true
    })
    call.on('error', (error: ServiceError) => {
      this.#release()
      events.failed(this.#reason(error))
    })
    call.on('status', ({ code }) => {
      if (code !== 0) return
      this.#release()
      if (ended || call.readableEnded) events.ended()
      else call.once('end', () => events.ended())
    })
  }

  write(bytes: Buffer, flushed: () => void): void {
    if (!this.#over) this.#call.write(bytes, flushed)
  }

  end(): void {
    if (!this.#over) this.#call.end()
  }

  refuse(): void {
    this.destroy()
  }

  destroy(): void {
    this.#call.cancel()
    this.#release()
  }

  #release(): void {
    if (this.#over) return
    this.#over = true
    this.#client.close()
  }

  #reason(error: ServiceError): ExovisorError {
    const named = fromServiceError(error, `link to ${this.peer}`)
    return named.code === 'EXO_FRAME_INVALID' || named.code === 'EXO_STREAM_CLOSED'
      ? named
      : streamLost(this.peer, error.message, error)
  }
}
