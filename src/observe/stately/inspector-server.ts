import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'
import { server as serverMachine } from '../../../machines/server.ts'
import type { CancelScope } from '../../concurrency/scope.ts'
import { ExovisorError, toErrorRecord } from '../../errors.ts'
import { defineResource } from '../../resources/define.ts'
import type { ResourceSelf } from '../../resources/types.ts'
import { refuseForeignHost, refuseForeignOrigin, refuseWrongToken } from './admission.ts'
import { type AttachObserver, StatelyBridge } from './bridge.ts'
import { pageCss, pageHeaders, pageHtml, pageJs } from './page.ts'

const HOST = '127.0.0.1'
const MAX_VIEWERS = 16
/** Viewers have nothing to say. */
const MAX_MESSAGE_BYTES = 65_536
/** A viewer that does not answer a ping until the next one is gone, or reads nothing any more. */
const PING_INTERVAL_MS = 30_000

export interface InspectorInput {
  /** On 127.0.0.1; when it is 0 or taken, a free one. */
  readonly port: number
  /** What viewers must know: the path of the websocket. */
  readonly token: string
  /** How the system that is shown is observed. */
  readonly attach: AttachObserver
}

/** The bridge to Stately's inspector while it listens. */
export interface InspectorClient {
  /** The page to open in a browser. */
  readonly url: string
  /** The websocket for any viewer that reads the format of `@statelyai/inspect`. */
  readonly socket: string
  /** How many viewers are connected. */
  readonly viewers: number
  readonly listening: boolean
}

/** Serves the events of an XState system to viewers on this machine that read the format of `@statelyai/inspect`. */
export const inspectorServer = defineResource<InspectorInput, InspectorClient>({
  kind: 'inspector',
  machine: serverMachine,
  async initialize({ input, self }) {
    // Only who inspects loads it.
    const { WebSocketServer } = await import('ws')
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    })
    const inspector = new Inspector(input, self, sockets)
    await inspector.listen()
    self.spawn('ping viewers', scope => inspector.ping(scope))
    return inspector
  },
  async checkHealth(client) {
    if (!client.listening)
      throw new ExovisorError('EXO_HEALTH_CHECK_FAILED', `${client.url} does not listen any more`)
  },
  async cleanup(client) {
    await (client as Inspector | undefined)?.close()
  },
})

const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
  '/': ['text/html; charset=utf-8', pageHtml],
  '/page.css': ['text/css; charset=utf-8', pageCss],
  '/page.js': ['text/javascript; charset=utf-8', pageJs],
}

class Inspector implements InspectorClient {
  readonly #input: InspectorInput
  readonly #self: ResourceSelf
  readonly #sockets: WebSocketServer
  readonly #bridge: StatelyBridge
  readonly #http: Server
  #port = 0
  /** Those that have not answered the last ping yet. */
  readonly #silent = new Set<WebSocket>()

  constructor(input: InspectorInput, self: ResourceSelf, sockets: WebSocketServer) {
    this.#input = input
    this.#self = self
    this.#sockets = sockets
    this.#bridge = new StatelyBridge(input.attach, () => Date.now())
    this.#http = createServer({ maxHeaderSize: 16_384 }, (request, response) =>
      this.#answer(request, response),
    )
    this.#http.maxConnections = 4 * MAX_VIEWERS
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  get url(): string {
    return `http://${HOST}:${this.#port}/#token=${this.#input.token}`
  }

  get socket(): string {
    return `ws://${HOST}:${this.#port}/${this.#input.token}`
  }

  get viewers(): number {
    return this.#bridge.viewers
  }

  get listening(): boolean {
    return this.#http.listening
  }

  async listen(): Promise<void> {
    try {
      await this.#listenOn(this.#input.port)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      await this.#listenOn(0)
    }
    this.#port = (this.#http.address() as AddressInfo).port
  }

  #listenOn(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen(port, HOST, () => {
        this.#http.off('error', reject)
        resolve()
      })
    })
  }

  async ping(scope: CancelScope): Promise<void> {
    for (;;) {
      await scope.sleep(PING_INTERVAL_MS)
      for (const socket of this.#sockets.clients) {
        if (this.#silent.has(socket)) socket.terminate()
        else socket.ping()
        this.#silent.add(socket)
      }
    }
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#http.close(() => resolve())
      // Told why, and cut off: one that does not read would not answer.
      for (const socket of this.#sockets.clients) {
        socket.close(1001, 'the inspector ends')
        socket.terminate()
      }
      this.#http.closeAllConnections()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').replace(/\?.*$/, '')
    try {
      refuseForeignHost(request.headers, this.#port)
    } catch (error) {
      response.writeHead(403, { 'content-type': 'application/json' }).end(refusal(error))
      return
    }
    const file = Object.hasOwn(files, path) ? files[path] : undefined
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!file || !isRead) {
      response.writeHead(file ? 405 : 404).end()
      return
    }
    const [type, text] = file
    const headers = pageHeaders(request.headers.host ?? '')
    response
      .writeHead(200, { ...headers, 'content-type': type })
      .end(request.method === 'GET' ? text : undefined)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A viewer that goes away in the middle is no fault of ours.
    socket.on('error', () => socket.destroy())
    const refused = this.#refusal(request)
    if (refused) {
      const body = refusal(refused.error)
      socket.end(
        `HTTP/1.1 ${refused.status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, viewer => this.#welcome(viewer))
  }

  #refusal({
    headers,
    url,
  }: IncomingMessage): { readonly status: string; readonly error: unknown } | undefined {
    try {
      refuseForeignHost(headers, this.#port)
      refuseForeignOrigin(headers)
    } catch (error) {
      return { status: '403 Forbidden', error }
    }
    try {
      refuseWrongToken(url, this.#input.token)
    } catch (error) {
      return { status: '401 Unauthorized', error }
    }
    if (this.#sockets.clients.size < MAX_VIEWERS) return undefined
    const error = new ExovisorError(
      'EXO_REQUEST_INVALID',
      `${MAX_VIEWERS} viewers are connected, and no more may be`,
    )
    return { status: '503 Service Unavailable', error }
  }

  #welcome(viewer: WebSocket): void {
    this.#self.send({ type: 'request.started' })
    // What breaks the protocol or is too long has been answered by its close code already.
    viewer.on('error', () => undefined)
    viewer.on('pong', () => this.#silent.delete(viewer))
    viewer.on('message', () => viewer.close(1008, 'viewers may only read'))
    const leave = this.#bridge.connect({
      get bufferedAmount() {
        return viewer.bufferedAmount
      },
      send: (text, sent) => {
        if (viewer.readyState === viewer.OPEN) viewer.send(text, sent)
      },
    })
    viewer.once('close', () => {
      leave()
      this.#silent.delete(viewer)
      this.#self.send({ type: 'request.ended' })
    })
  }
}

const refusal = (error: unknown): string => {
  const { code, message } = toErrorRecord(error)
  return `${JSON.stringify({ error: { code, message } })}\n`
}
