import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { GenerationEvent, GenerationRequest } from '../../src/cluster/generation.ts'
import { realClock } from '../../src/concurrency/clock.ts'
import { consoleServer } from '../../src/console/console-server.ts'
import { resourceCommands } from '../../src/observe/view/commands.ts'
import type { ViewerMessage, ViewMessage } from '../../src/observe/view/messages.ts'
import { RuntimeView } from '../../src/observe/view/runtime-view.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { EventStream } from '../../src/supervision/events/stream.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { AnyChildSpec } from '../../src/supervision/types.ts'

export const TOKEN = 'the-token-of-this-test'

/** A viewer as a test sees it: all that it was told. */
export class TestViewer {
  readonly messages: ViewMessage[] = []
  readonly socket: WebSocket
  #waiting: (() => void)[] = []

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', data => {
      this.messages.push(JSON.parse(String(data)) as ViewMessage)
      for (const check of this.#waiting) check()
    })
  }

  send(message: ViewerMessage): void {
    this.socket.send(JSON.stringify(message))
  }

  /** The first message, of those that came or come, for which the condition holds. */
  message(holds: (message: ViewMessage) => boolean): Promise<ViewMessage> {
    return new Promise(resolve => {
      const check = () => {
        const found = this.messages.find(holds)
        if (!found) return
        this.#waiting = this.#waiting.filter(other => other !== check)
        resolve(found)
      }
      this.#waiting.push(check)
      check()
    })
  }
}

interface ConsoleOptions {
  readonly children?: readonly AnyChildSpec[]
  readonly generate?: (request: GenerationRequest) => AsyncIterable<GenerationEvent>
  readonly chat?: boolean
}

/** A tree with a console on a free port. */
export async function runningConsole({
  children = [],
  generate = async function* () {},
  chat = true,
}: ConsoleOptions = {}) {
  const page = mkdtempSync(join(tmpdir(), 'exovisor-page-'))
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>page</title>')
  writeFileSync(join(page, 'main.js'), 'export {}')
  const registry = new Registry(silentLog)
  const events = new EventStream({ clock: realClock, log: silentLog })
  const root = await supervise({ registry, events, children })
  const view = new RuntimeView({ root, registry, events, clock: realClock })
  view.journal.start()
  const ports = {
    commands: resourceCommands(root, registry, { clock: realClock }),
    hello: { node: { name: 'attic', id: 'n1', pid: process.pid, version: '0' }, startedAt: Date.now() },
  }
  const model = { chat, generate }
  const input = { port: 0, token: TOKEN, view, ports, model, page }
  const ref = await root.start({ id: 'console', resource: consoleServer, input })
  const { port } = await ref.ready()
  const url = `http://127.0.0.1:${port}`
  const connect = (
    protocols: readonly string[] = ['exovisor.v1', `token.${TOKEN}`],
    headers: Readonly<Record<string, string>> = {},
    path = '/stream',
  ) => new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols], { headers })
  return {
    root,
    registry,
    view,
    ref,
    port,
    url,
    connect,
    /** A viewer that is let in. */
    async viewer() {
      const socket = connect()
      const viewer = new TestViewer(socket)
      await once(socket, 'open')
      return viewer
    },
    async [Symbol.asyncDispose]() {
      view.journal.close()
      await root.close()
      rmSync(page, { recursive: true, force: true })
    },
  }
}

/** The status with which a connection was refused. */
export async function refusedWith(socket: WebSocket): Promise<number> {
  socket.on('error', () => undefined)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
  socket.terminate()
  return response.statusCode
}
