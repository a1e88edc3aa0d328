import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { WebSocket, WebSocketServer } from 'ws'
import { pageHeaders } from '../../../src/console/page-files.ts'
import type { ViewerMessage, ViewMessage } from '../../../src/observe/view/messages.ts'
import { pageFolder } from './built-page.ts'

const TOKEN = 'a-token-of-the-tests'
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/** What a test says to the page, and hears from it. */
export interface FakeConsole extends AsyncDisposable {
  readonly url: string
  /** Everything that pages have sent, oldest first. */
  readonly received: readonly ViewerMessage[]
  readonly viewers: number
  /** What a page gets when it connects. */
  greeting: readonly ViewMessage[]
  /** How a message of a page is answered. */
  onMessage: (message: ViewerMessage) => readonly ViewMessage[]
  /** The lines that a question is answered with. */
  chat: readonly unknown[]
  /** False: an answer stays open until its reader leaves. */
  chatEnds: boolean
  /** How many readers of an answer have left before its end. */
  readonly chatsLeft: number
  /** The file that is saved as journal. */
  journal: string
  send(...messages: readonly ViewMessage[]): void
  /** Cuts all streams, and takes no new ones while `refused`. */
  cut(options?: { readonly refused: boolean }): void
}

/** Stands for the console of a node: serves the page as a node does, and plays messages that a test gives it. */
export async function fakeConsole(): Promise<FakeConsole> {
  const received: ViewerMessage[] = []
  let refused = false
  let chatsLeft = 0
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'exovisor.v1' })
  const http = createServer(
    (request, response) => void answer(fake, request, response, () => (chatsLeft += 1)),
  )
  const send = (socket: WebSocket, messages: readonly ViewMessage[]) => {
    for (const message of messages) socket.send(JSON.stringify(message))
  }
  http.on('upgrade', (request, socket, head) => {
    const isKnown = request.headers['sec-websocket-protocol']?.includes(`token.${TOKEN}`)
    if (refused || !isKnown) return void socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, viewer => {
      send(viewer, fake.greeting)
      viewer.on('message', data => {
        const message = JSON.parse(String(data)) as ViewerMessage
        received.push(message)
        send(viewer, fake.onMessage(message))
      })
    })
  })
  await new Promise<void>(done => http.listen(0, '127.0.0.1', done))
  const { port } = http.address() as AddressInfo
  const fake: FakeConsole = {
    url: `http://127.0.0.1:${port}/#token=${TOKEN}`,
    received,
    greeting: [],
    onMessage: () => [],
    chat: [],
    chatEnds: true,
    get chatsLeft() {
      return chatsLeft
    },
    journal: '',
    get viewers() {
      return [...sockets.clients].filter(viewer => viewer.readyState === WebSocket.OPEN).length
    },
    send(...messages) {
      for (const viewer of sockets.clients) send(viewer, messages)
    },
    cut(options = { refused: false }) {
      refused = options.refused
      for (const viewer of sockets.clients) viewer.terminate()
    },
    async [Symbol.asyncDispose]() {
      for (const viewer of sockets.clients) viewer.terminate()
      http.closeAllConnections()
      await new Promise(done => http.close(done))
    },
  }
  return fake
}

async function answer(
  fake: FakeConsole,
  request: IncomingMessage,
  response: ServerResponse,
  onLeft: () => void,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://local')
  const isKnown = request.headers.authorization === `Bearer ${TOKEN}`
  if (pathname === '/chat' || pathname === '/journal') {
    if (!isKnown) return void response.writeHead(401).end()
    if (pathname === '/journal') return void response.end(fake.journal)
    for (const line of fake.chat) response.write(`${JSON.stringify(line)}\n`)
    if (fake.chatEnds) return void response.end()
    return void response.once('close', onLeft)
  }
  try {
    const file = await readFile(join(pageFolder, pathname === '/' ? 'index.html' : pathname))
    response.setHeader('content-type', TYPES[extname(pathname)] ?? TYPES['.html'] ?? '')
    const headers = pageHeaders(request.headers.host ?? '')
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.end(file)
  } catch {
    response.writeHead(404).end()
  }
}
