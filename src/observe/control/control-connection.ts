import type { Socket } from 'node:net'
import { ExovisorError, toErrorRecord } from '../../errors.ts'
import { readLines } from './line-reader.ts'
import {
  type ControlAnswer,
  type ControlHandler,
  type ControlStream,
  controlRequest,
  MAX_REQUEST_CHARACTERS,
  type OpenStream,
} from './protocol.ts'

/** What a node offers over its control socket, by the name of the method. */
export interface ControlMethods {
  readonly handlers: Readonly<Record<string, ControlHandler>>
  readonly streams?: Readonly<Record<string, ControlStream>>
}

/** Beyond so many bytes that wait for a command a stream has to hold back. */
const FULL_BYTES = 1_048_576

/** Serves one command until it closes its end. */
export function serveCommand(socket: Socket, methods: ControlMethods): void {
  const connection = new ControlConnection(socket, methods)
  socket.on('drain', () => connection.drained())
  socket.once('close', () => connection.close())
  readLines(socket, MAX_REQUEST_CHARACTERS, {
    line: text => connection.take(text),
    tooLong: () => {
      const message = `a request of more than ${MAX_REQUEST_CHARACTERS} characters`
      socket.end(`${JSON.stringify({ id: 0, error: { code: 'EXO_REQUEST_INVALID', message } })}\n`)
    },
  })
}

interface Request {
  readonly id: number
  /** Undefined for a line that is no request. */
  readonly method: string | undefined
  readonly params: Readonly<Record<string, unknown>>
}

function parsed(text: string): Request {
  try {
    const { id, method, params = {} } = controlRequest.parse(JSON.parse(text))
    return { id, method, params }
  } catch {
    return { id: 0, method: undefined, params: {} }
  }
}

class ControlConnection {
  readonly #socket: Socket
  readonly #methods: ControlMethods
  #stream: OpenStream | undefined

  constructor(socket: Socket, methods: ControlMethods) {
    this.#socket = socket
    this.#methods = methods
  }

  take(text: string): void {
    const { id, method, params } = parsed(text)
    const { streams = {} } = this.#methods
    const stream = method !== undefined && Object.hasOwn(streams, method) ? streams[method] : undefined
    if (stream) this.#open(id, stream, params)
    else
      void this.#handle(method, params).then(
        result => this.#send({ id, result: result ?? null }),
        (error: unknown) => this.#send({ id, error: toErrorRecord(error) }),
      )
  }

  drained(): void {
    this.#stream?.drained()
  }

  close(): void {
    this.#stream?.close()
    this.#stream = undefined
  }

  /** A stream that has begun has no answer but its messages. */
  #open(id: number, stream: ControlStream, params: Request['params']): void {
    const socket = this.#socket
    try {
      if (this.#stream)
        throw new ExovisorError('EXO_REQUEST_INVALID', 'one stream is open here, and no more may be')
      this.#stream = stream(params, {
        send: message => this.#send({ id, message }),
        get isFull() {
          return socket.writableLength >= FULL_BYTES
        },
      })
    } catch (error) {
      this.#send({ id, error: toErrorRecord(error) })
    }
  }

  async #handle(method: string | undefined, params: Request['params']): Promise<unknown> {
    const { handlers, streams = {} } = this.#methods
    if (method === undefined)
      throw new ExovisorError(
        'EXO_REQUEST_INVALID',
        'expected { "id": 1, "method": "tasks.list" } in one line',
      )
    if (Object.hasOwn(handlers, method)) return handlers[method]?.(params)
    const known = [...Object.keys(handlers), ...Object.keys(streams)]
    throw new ExovisorError(
      'EXO_REQUEST_INVALID',
      `there is no method ${JSON.stringify(method)}, expected one of ${known.join(', ')}`,
    )
  }

  #send(answer: ControlAnswer): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify(answer)}\n`)
  }
}
