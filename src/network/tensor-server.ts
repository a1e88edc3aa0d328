import { Server, type ServerDuplexStream } from '@grpc/grpc-js'
import { type Clock, realClock } from '../concurrency/clock.ts'
import { ExovisorError } from '../errors.ts'
import { ServerConnections, shutDown } from './connections.ts'
import { formatEndpoint } from './endpoint.ts'
import { defaultFrameLimits, type FrameLimits } from './frame-codec.ts'
import { defaultHeartbeat, type HeartbeatTiming } from './heartbeat.ts'
import { showsKey } from './key.ts'
import { bindServer } from './listen.ts'
import { defaultOutboxLimits, type OutboxLimits } from './outbox.ts'
import { TENSOR_WINDOW_BYTES, widenWindow } from './receive-window.ts'
import { ServerTransport } from './server-transport.ts'
import { StreamLink } from './stream-link.ts'
import type { TensorLink } from './tensor-link.ts'
import { tensorChannelOptions, tensorService } from './tensor-service.ts'

export { type DialOptions, dialTensors } from './tensor-dial.ts'

/** How to serve tensor streams. */
export interface ServeTensorsOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** Secret that neighbours must show; needed beyond loopback. */
  readonly key?: string
  /** Who asks, for messages. Default `tensors`. */
  readonly name?: string
  /** Called for each neighbour that connects. */
  onLink(link: TensorLink): void
  /** Default {@link defaultHeartbeat}. */
  readonly heartbeat?: HeartbeatTiming
  /** Default {@link realClock}. */
  readonly clock?: Clock
  readonly frameLimits?: FrameLimits
  readonly outboxLimits?: OutboxLimits
  /** Bytes that may arrive before the sender waits; 0 leaves the 64 KB of grpc-js. Default 16 MB. */
  readonly windowBytes?: number
  /** Links at a time; one more is refused. Default 64. */
  readonly maxLinks?: number
}

/** A server of tensor streams that listens. */
export interface TensorServer {
  /** `host:port` */
  readonly endpoint: string
  /** False when this version of grpc-js does not let the window be widened: all works, but large frames are slow. */
  readonly windowWidened: boolean
  /** Ends all links and stops listening. */
  close(): Promise<void>
}

/**
 * Listens for neighbours.
 *
 * @throws EXO_PORT_IN_USE; EXO_PUBLIC_BIND_REFUSED; EXO_CONFIG_INVALID for an address that cannot be used
 */
export async function serveTensors(options: ServeTensorsOptions): Promise<TensorServer> {
  const { host, name = 'tensors', windowBytes = TENSOR_WINDOW_BYTES } = options
  const acceptor = new Acceptor(options)
  const server = new Server(tensorChannelOptions((options.frameLimits ?? defaultFrameLimits).maxPayloadBytes))
  server.addService(tensorService, {
    exchange: (call: ServerDuplexStream<Buffer, Buffer>) => acceptor.accept(call),
  })
  const port = await bindServer(server, { ...options, name })
  const connections = new ServerConnections(server, session => {
    if (windowBytes > 0) widenWindow(session, windowBytes)
  })
  acceptor.connections = connections
  let closing: Promise<void> | undefined
  return {
    endpoint: formatEndpoint({ host, port }),
    windowWidened: connections.watched && windowBytes > 0,
    close: () => {
      closing ??= acceptor.closeAll().then(() => shutDown(server, connections, AbortSignal.abort()))
      return closing
    },
  }
}

/** Turns calls into links, and knows which are open. */
class Acceptor {
  readonly #options: ServeTensorsOptions
  readonly #links = new Map<StreamLink, Promise<void>>()
  /** Known once the server is bound. */
  connections: ServerConnections | undefined
  #closed = false

  constructor(options: ServeTensorsOptions) {
    this.#options = options
  }

  accept(call: ServerDuplexStream<Buffer, Buffer>): void {
    const { key, onLink, maxLinks = 64, clock = realClock } = this.#options
    const transport = new ServerTransport(call, () => this.connections?.cut(call.getPeer()))
    const refusal = this.#refusal(call, key, maxLinks)
    if (refusal) {
      transport.listen({ message: () => {}, ended: () => {}, failed: () => {} })
      transport.refuse(refusal)
      return
    }
    transport.welcome()
    const link = new StreamLink({
      transport,
      clock,
      heartbeat: this.#options.heartbeat ?? defaultHeartbeat,
      frameLimits: this.#options.frameLimits ?? defaultFrameLimits,
      outboxLimits: this.#options.outboxLimits ?? defaultOutboxLimits,
    })
    const closed = new Promise<void>(resolve => link.onClosed(() => resolve()))
    this.#links.set(
      link,
      closed.then(() => void this.#links.delete(link)),
    )
    onLink(link)
  }

  async closeAll(): Promise<void> {
    this.#closed = true
    for (const link of this.#links.keys()) link.close()
    await Promise.all(this.#links.values())
  }

  #refusal(
    call: ServerDuplexStream<Buffer, Buffer>,
    key: string | undefined,
    maxLinks: number,
  ): ExovisorError | undefined {
    const { name = 'tensors' } = this.#options
    if (!showsKey(call.metadata, key))
      return new ExovisorError(
        'EXO_PEER_REJECTED',
        `server ${name}: the key is missing or wrong, expected authorization: Bearer KEY`,
      )
    if (this.#closed) return new ExovisorError('EXO_STREAM_CLOSED', `server ${name} is closing`)
    if (this.#links.size >= maxLinks)
      return new ExovisorError(
        'EXO_STREAM_CLOSED',
        `server ${name}: ${this.#links.size} links are open, which is the limit`,
      )
    return undefined
  }
}
