import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServer } from 'ws'
import { server as serverMachine } from '../../machines/server.ts'
import type { CancelScope } from '../concurrency/scope.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import type { RuntimeView } from '../observe/view/runtime-view.ts'
import type { ViewerPorts } from '../observe/view/viewer-session.ts'
import { defineResource } from '../resources/define.ts'
import type { InitializeContext } from '../resources/types.ts'
import { foreign, type Refusal, refuseBearer, refuseSubprotocol, STREAM_PROTOCOL } from './admission.ts'
import { answerChat, type ChatModel } from './chat.ts'
import { answerJournal } from './journal-download.ts'
import { answerError } from './json-answers.ts'
import { HOST, listenLocal } from './listen-local.ts'
import { builtPage, PageFiles, pageHeaders } from './page-files.ts'
import { ViewerSocket } from './viewer-socket.ts'

const MAX_VIEWERS = 16
const MAX_MESSAGE_BYTES = 65_536
const PING_INTERVAL_MS = 30_000
/** An input object is the same for all incarnations: a restart keeps the address that pages have. */
const lastPorts = new WeakMap<ConsoleInput, number>()
/** The page is not built in a checkout that was not installed. */
const NO_PAGE =
  'The page is not built here; run npm run build. The stream and the journal work all the same.\n'

export interface ConsoleInput {
  /** On 127.0.0.1; when it is 0 or taken, a free one. */
  readonly port: number
  /** What viewers must know. */
  readonly token: string
  readonly view: RuntimeView
  readonly ports: ViewerPorts
  readonly model: ChatModel
  /** The folder of the built page. Default: the one that comes with this package. */
  readonly page?: string
}

/** The console while it listens. */
export interface ConsoleClient {
  /** The address to open in a browser, with the token. */
  readonly url: string
  readonly port: number
  readonly viewers: number
  readonly listening: boolean
}

/** Serves the console: the page, the stream that it shows, the chat and the journal. For this machine alone, and who knows the token. */
export const consoleServer = defineResource<ConsoleInput, ConsoleClient>({
  kind: 'console',
  machine: serverMachine,
  async initialize(context) {
    const { WebSocketServer } = await import('ws')
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      // Never the token: what is chosen is sent back in the answer.
      handleProtocols: () => STREAM_PROTOCOL,
    })
    const server = new Console(context, sockets)
    await server.listen()
    context.self.spawn('ping viewers', scope => server.ping(scope))
    return server
  },
  async checkHealth(client) {
    if (!client.listening)
      throw new ExovisorError('EXO_HEALTH_CHECK_FAILED', `${HOST}:${client.port} does not listen any more`)
  },
  async cleanup(client) {
    await (client as Console | undefined)?.close()
  },
})

class Console implements ConsoleClient {
  readonly #context: InitializeContext<ConsoleInput>
  readonly #sockets: WebSocketServer
  readonly #http: Server
  readonly #files: PageFiles
  readonly #viewers = new Set<ViewerSocket>()
  #port = 0

  constructor(context: InitializeContext<ConsoleInput>, sockets: WebSocketServer) {
    this.#context = context
    this.#sockets = sockets
    this.#files = new PageFiles(context.input.page ?? builtPage)
    this.#http = createServer(
      { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 30_000 },
      (request, response) => void this.#answer(request, response),
    )
    this.#http.maxConnections = 8 * MAX_VIEWERS
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  get url(): string {
    return `http://${HOST}:${this.#port}/#token=${this.#context.input.token}`
  }

  get port(): number {
    return this.#port
  }

  get viewers(): number {
    return this.#viewers.size
  }

  get listening(): boolean {
    return this.#http.listening
  }

  async listen(): Promise<void> {
    const { input } = this.#context
    this.#port = await listenLocal(this.#http, lastPorts.get(input) ?? input.port)
    lastPorts.set(input, this.#port)
  }

  async ping(scope: CancelScope): Promise<void> {
    for (;;) {
      await scope.sleep(PING_INTERVAL_MS)
      for (const viewer of this.#viewers) viewer.ping()
    }
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#http.close(() => resolve())
      for (const viewer of [...this.#viewers]) viewer.close(1001, 'the console ends')
      this.#http.closeAllConnections()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { self, log } = this.#context
    self.send({ type: 'request.started' })
    response.once('close', () => self.send({ type: 'request.ended' }))
    try {
      const refused = foreign(request.headers, this.#port)
      if (refused) answerError(response, refused.status, refused.error)
      else await this.#route(request, response)
    } catch (error) {
      log.error({ error: toErrorRecord(error) }, 'a request to the console failed')
      if (response.headersSent) response.destroy()
      else answerError(response, 500, error)
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { input } = this.#context
    const path = (request.url ?? '/').replace(/\?.*$/, '')
    switch (`${request.method} ${path}`) {
      case 'POST /chat':
        if (this.#isKnown(request, response)) await answerChat(request, response, input.model)
        break
      case 'GET /journal':
        if (this.#isKnown(request, response))
          await answerJournal(response, input.view, input.ports.hello.node.name)
        break
      default:
        this.#page(request, response, path)
    }
  }

  #isKnown({ headers }: IncomingMessage, response: ServerResponse): boolean {
    const refused = refuseBearer(headers, this.#context.input.token)
    if (refused) answerError(response, refused.status, refused.error)
    return !refused
  }

  #page({ method, headers }: IncomingMessage, response: ServerResponse, path: string): void {
    if (method !== 'GET' && method !== 'HEAD') {
      answerError(response, 405, new ExovisorError('EXO_REQUEST_INVALID', `${method} ${path} is not offered`))
      return
    }
    const file = this.#files.get(path)
    const head = pageHeaders(headers.host ?? '')
    if (file) {
      const cache = file.isLasting ? 'public, max-age=31536000, immutable' : 'no-store'
      response.writeHead(200, { ...head, 'content-type': file.type, 'cache-control': cache })
      response.end(method === 'GET' ? file.content : undefined)
    } else if (path === '/') {
      response.writeHead(200, { ...head, 'content-type': 'text/plain; charset=utf-8' }).end(NO_PAGE)
    } else answerError(response, 404, new ExovisorError('EXO_NOT_FOUND', `the console has no ${path}`))
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A viewer that goes away in the middle is no fault of ours.
    socket.on('error', () => socket.destroy())
    const refused = this.#refusal(request)
    if (refused) {
      const { code, message } = refused.error
      const body = `${JSON.stringify({ error: { code, message } })}\n`
      const length = Buffer.byteLength(body)
      socket.end(
        `HTTP/1.1 ${refused.status} Refused\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
      )
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, accepted => {
      const { input, clock, self } = this.#context
      self.send({ type: 'request.started' })
      const viewer = new ViewerSocket(accepted, input.view, input.ports, clock)
      this.#viewers.add(viewer)
      accepted.once('close', () => {
        this.#viewers.delete(viewer)
        self.send({ type: 'request.ended' })
      })
    })
  }

  #refusal({ headers, url }: IncomingMessage): (Omit<Refusal, 'status'> & { status: number }) | undefined {
    const refused = foreign(headers, this.#port) ?? refuseSubprotocol(headers, this.#context.input.token)
    if (refused) return refused
    const invalid = (status: number, message: string) => ({
      status,
      error: new ExovisorError('EXO_REQUEST_INVALID', message),
    })
    if (url !== '/stream') return invalid(404, 'the stream is at /stream')
    if (this.#viewers.size < MAX_VIEWERS) return undefined
    return invalid(503, `${MAX_VIEWERS} viewers are connected, and no more may be`)
  }
}
