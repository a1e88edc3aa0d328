import { connect, createServer, type Socket } from 'node:net'

/** What a {@link startProxy} does to the bytes that pass. */
interface ProxyOptions {
  /** `host:port` that connections are passed on to. */
  readonly target: string
  /** Milliseconds that each byte takes one way. Default 0: passed on at once. */
  readonly delayMs?: number
}

/** A TCP proxy on loopback that plays a network with a delay and with faults. It runs on real time. */
export interface FaultProxy {
  readonly endpoint: string
  /** Connections that are open now. */
  readonly connections: number
  /** Resets all connections. */
  cut(): void
  /** From now on nothing passes any more, in either direction, but the connections stay open. */
  stall(): void
  /** Lets pass what came in the meantime, and all that follows. */
  resume(): void
  /** Refuses new connections: takes them and resets them at once. */
  refuse(refusing: boolean): void
  close(): Promise<void>
}

/** One direction of one connection. */
class Line {
  readonly #from: Socket
  readonly #to: Socket
  readonly #delayMs: number
  #held: Buffer[] | undefined

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.#from = from
    this.#to = to
    this.#delayMs = delayMs
    from.on('data', bytes => this.#later(() => this.#pass(bytes)))
    from.on('end', () => this.#later(() => to.end()))
    from.on('close', () => this.#later(() => to.destroySoon()))
    from.on('error', () => to.destroy())
    to.on('drain', () => from.resume())
  }

  stall(): void {
    this.#held ??= []
  }

  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const bytes of held) this.#pass(bytes)
  }

  #later(fn: () => void): void {
    if (this.#delayMs === 0) fn()
    else setTimeout(fn, this.#delayMs)
  }

  #pass(bytes: Buffer): void {
    if (this.#held) this.#held.push(bytes)
    else if (!this.#to.destroyed && !this.#to.write(bytes) && this.#delayMs === 0) this.#from.pause()
  }
}

/** Starts a {@link FaultProxy} on a free port. */
export async function startProxy({ target, delayMs = 0 }: ProxyOptions): Promise<FaultProxy> {
  const separator = target.lastIndexOf(':')
  const host = target.slice(0, separator)
  const port = Number(target.slice(separator + 1))
  const sockets = new Set<Socket>()
  const lines = new Set<Line>()
  let stalled = false
  let refusing = false

  const server = createServer(inward => {
    if (refusing) {
      inward.resetAndDestroy()
      return
    }
    const outward = connect({ host, port })
    for (const socket of [inward, outward]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    }
    const pair = [new Line(inward, outward, delayMs), new Line(outward, inward, delayMs)]
    for (const line of pair) {
      lines.add(line)
      if (stalled) line.stall()
    }
    inward.on('close', () => {
      for (const line of pair) lines.delete(line)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    endpoint: `127.0.0.1:${address.port}`,
    get connections() {
      return sockets.size / 2
    },
    cut,
    stall: () => {
      stalled = true
      for (const line of lines) line.stall()
    },
    resume: () => {
      stalled = false
      for (const line of lines) line.resume()
    },
    refuse: value => {
      refusing = value
    },
    close: () => {
      cut()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}
