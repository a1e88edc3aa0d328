import { EventEmitter } from 'node:events'
import type { ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Server } from '@grpc/grpc-js'
import { formatEndpoint } from './endpoint.ts'

/**
 * The connections of a bound gRPC server, which grpc-js shows to nobody: this reaches into a private map of its
 * version 1.14. Where that map is not what it was, nothing is watched, and all works as without.
 *
 * A connection whose session has ended is closed for good: Node 20 leaves the socket open when anything unread
 * lies in it at that moment.
 */
export class ServerConnections {
  /** Whether the connections can be seen. */
  readonly watched: boolean
  readonly #sockets = new Map<string, Socket>()

  /** @param onSession called for each HTTP/2 session that begins */
  constructor(server: Server, onSession: (session: ServerHttp2Session) => void = () => undefined) {
    const servers: unknown = Reflect.get(server, 'http2Servers')
    const emitters =
      servers instanceof Map ? [...servers.keys()].filter(key => key instanceof EventEmitter) : []
    this.watched = emitters.length > 0
    for (const emitter of emitters) {
      emitter.on('connection', (socket: Socket) => this.#add(socket))
      emitter.on('session', (session: ServerHttp2Session) => {
        const peer = peerOf(session.socket)
        session.once('close', () => this.#sockets.get(peer)?.destroySoon())
        onSession(session)
      })
    }
  }

  /** Drops the connection to `host:port` at once, whatever is still to be sent. */
  cut(peer: string): void {
    this.#sockets.get(peer)?.destroy()
  }

  /** Drops all connections. */
  cutAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy()
  }

  #add(socket: Socket): void {
    const peer = peerOf(socket)
    this.#sockets.set(peer, socket)
    socket.once('close', () => {
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer)
    })
  }
}

/**
 * Stops a server: what is under way may end until the signal is aborted, then everything is dropped.
 */
export function shutDown(server: Server, connections: ServerConnections, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const force = () => {
      server.forceShutdown()
      connections.cutAll()
      // Without a view of the connections nobody could drop one that lingers, and it must not hold up the end.
      if (!connections.watched) resolve()
    }
    server.tryShutdown(() => {
      signal.removeEventListener('abort', force)
      resolve()
    })
    if (signal.aborted) force()
    else signal.addEventListener('abort', force, { once: true })
  })
}

function peerOf({
  remoteAddress = '',
  remotePort = 0,
}: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return formatEndpoint({ host: remoteAddress, port: remotePort })
}
