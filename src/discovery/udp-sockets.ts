import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { ExovisorError } from '../errors.ts'
import { isNeighbour, type NetworkPath } from './network-paths.ts'

/** What {@link UdpSockets} needs. */
export interface UdpSocketsOptions {
  /** Port that all nodes share. */
  readonly port: number
  onDatagram(bytes: Buffer, source: string): void
  /** Something is wrong with a socket; the next {@link UdpSockets.update} tries again. */
  onTrouble(what: string, error: unknown): void
}

const HOPS = 1

/**
 * The sockets of a node: one to receive for each family of addresses, and one to send for each path, so that
 * each network sees the address that it can answer to. A socket that fails is dropped and opened again later.
 */
export class UdpSockets {
  readonly #options: UdpSocketsOptions
  readonly #receivers = new Map<4 | 6, Socket>()
  readonly #senders = new Map<string, { readonly socket: Socket; readonly path: NetworkPath }>()
  #paths: readonly NetworkPath[] = []
  #closed = false

  constructor(options: UdpSocketsOptions) {
    this.#options = options
  }

  /** Paths over which announcements can go out and come in now. */
  get open(): readonly NetworkPath[] {
    return [...this.#senders.values()].flatMap(({ path }) => (this.#receivers.has(path.family) ? [path] : []))
  }

  /** Opens what is missing and closes what is no longer there. */
  async update(paths: readonly NetworkPath[]): Promise<void> {
    this.#paths = paths
    const wanted = new Set(paths.map(({ key }) => key))
    for (const [key, { socket, path }] of this.#senders) {
      if (wanted.has(key)) continue
      this.#senders.delete(key)
      close(socket)
      this.#membership(path, 'dropMembership')
    }
    for (const family of [4, 6] as const)
      if (paths.some(path => path.family === family) && !this.#receivers.has(family))
        await this.#attempt(`receiving over IPv${family}`, () => this.#openReceiver(family))
    for (const path of paths)
      if (!this.#senders.has(path.key) && this.#receivers.has(path.family))
        await this.#attempt(`announcing from ${path.address}`, () => this.#openSender(path))
  }

  /** Sends one datagram over every path, to the group and to everybody on the network. Resolves when all are out. */
  async send(bytes: Buffer): Promise<void> {
    const { port } = this.#options
    const sends = [...this.#senders.values()].flatMap(({ socket, path }) =>
      [path.group, path.broadcast].flatMap(target =>
        target === undefined
          ? []
          : this.#attempt(
              `announcing from ${path.address}`,
              () => send(socket, bytes, port, target),
              path.key,
            ),
      ),
    )
    await Promise.all(sends)
  }

  close(): void {
    this.#closed = true
    for (const { socket } of this.#senders.values()) close(socket)
    for (const socket of this.#receivers.values()) close(socket)
    this.#senders.clear()
    this.#receivers.clear()
  }

  async #openReceiver(family: 4 | 6): Promise<void> {
    const { port, onDatagram, onTrouble } = this.#options
    const socket = createSocket(
      family === 4 ? { type: 'udp4', reuseAddr: true } : { type: 'udp6', reuseAddr: true, ipv6Only: true },
    )
    await bind(socket, port, family === 4 ? '0.0.0.0' : '::')
    if (this.#closed) return close(socket)
    this.#receivers.set(family, socket)
    // Other programs may have joined groups on other interfaces, and this socket would hear them all.
    socket.on('message', (bytes: Buffer, { address }: RemoteInfo) => {
      if (isNeighbour(address, this.#paths)) onDatagram(bytes, address)
    })
    socket.on('error', error => {
      onTrouble(`receiving over IPv${family}`, error)
      this.#dropFamily(family)
    })
  }

  async #openSender(path: NetworkPath): Promise<void> {
    this.#membership(path, 'addMembership')
    const socket = createSocket(path.family === 4 ? 'udp4' : 'udp6')
    await bind(socket, 0, path.address)
    if (this.#closed) return close(socket)
    socket.setMulticastInterface(path.multicastInterface)
    socket.setMulticastTTL(HOPS)
    socket.setMulticastLoopback(true)
    if (path.broadcast !== undefined) socket.setBroadcast(true)
    socket.on('error', error => {
      this.#options.onTrouble(`announcing from ${path.address}`, error)
      this.#dropSender(path.key)
    })
    this.#senders.set(path.key, { socket, path })
  }

  #membership(path: NetworkPath, change: 'addMembership' | 'dropMembership'): void {
    const group = path.group.split('%')[0] ?? path.group
    try {
      this.#receivers.get(path.family)?.[change](group, path.multicastInterface)
    } catch (error) {
      // Joined already, by another address of the same interface; or gone together with its interface.
      if (change === 'addMembership' && !isErrno(error, 'EADDRINUSE')) throw error
    }
  }

  async #attempt(what: string, work: () => Promise<void>, sender?: string): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (this.#closed) return
      this.#options.onTrouble(what, error)
      if (sender !== undefined) this.#dropSender(sender)
    }
  }

  #dropSender(key: string): void {
    const sender = this.#senders.get(key)
    if (!sender) return
    this.#senders.delete(key)
    close(sender.socket)
  }

  // Memberships went with the socket, so the paths of the family are opened anew as well.
  #dropFamily(family: 4 | 6): void {
    const receiver = this.#receivers.get(family)
    this.#receivers.delete(family)
    if (receiver) close(receiver)
    for (const [key, { path }] of this.#senders) if (path.family === family) this.#dropSender(key)
  }
}

/** @throws EXO_PORT_IN_USE when a program holds the port for itself */
function bind(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      close(socket)
      const taken = isErrno(cause, 'EADDRINUSE')
      const message = `UDP port ${port} on ${address} is in use by a program that does not share it`
      reject(
        taken ? new ExovisorError('EXO_PORT_IN_USE', message, { cause, details: { port, address } }) : cause,
      )
    }
    socket.once('error', fail)
    socket.bind({ port, address }, () => {
      socket.removeListener('error', fail)
      resolve()
    })
  })
}

function send(socket: Socket, bytes: Buffer, port: number, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, port, target, error => (error ? reject(error) : resolve()))
  })
}

function close(socket: Socket): void {
  socket.removeAllListeners('error')
  socket.on('error', () => undefined)
  try {
    socket.close()
  } catch {
    // It was closed already.
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
