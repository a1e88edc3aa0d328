import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../concurrency/clock.ts'
import type { ViewMessage } from '../observe/view/messages.ts'
import type { RuntimeView } from '../observe/view/runtime-view.ts'
import { type ViewerLink, type ViewerPorts, ViewerSession } from '../observe/view/viewer-session.ts'
import { MessageRate } from './message-rate.ts'

/** So much may wait for a viewer; then it gets nothing more until half of it has been read. */
const FULL_BYTES = 1_048_576
/** Answers to commands go out all the same; one that sends commands and reads no answers is cut off. */
const MOST_BYTES = 4 * FULL_BYTES

/** One viewer on a websocket. */
export class ViewerSocket implements ViewerLink {
  readonly #socket: WebSocket
  readonly #session: ViewerSession
  readonly #rate: MessageRate
  #isFull = false
  /** False when it has not answered the last ping. */
  isAlive = true

  constructor(socket: WebSocket, view: RuntimeView, ports: ViewerPorts, clock: Clock) {
    this.#socket = socket
    this.#rate = new MessageRate(clock, { burst: 60, perSecond: 20 })
    // What breaks the protocol or is too long has been answered by its close code already.
    socket.on('error', () => undefined)
    socket.on('pong', () => {
      this.isAlive = true
    })
    socket.on('message', (data, isBinary) => this.#take(data, isBinary))
    this.#session = new ViewerSession(view, this, ports)
    socket.once('close', () => this.#session.close())
  }

  get isFull(): boolean {
    return this.#isFull
  }

  send(message: ViewMessage): void {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return
    socket.send(JSON.stringify(message), () => this.#written())
    if (socket.bufferedAmount > FULL_BYTES) this.#isFull = true
    if (socket.bufferedAmount > MOST_BYTES) socket.terminate()
  }

  /** Sees whether it is still there: who has not answered the last ping reads nothing any more. */
  ping(): void {
    if (!this.isAlive) {
      this.#socket.terminate()
      return
    }
    this.isAlive = false
    this.#socket.ping()
  }

  /** Tells it why, and cuts it off: one that does not read would not answer. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
    this.#socket.terminate()
  }

  #written(): void {
    if (!this.#isFull || this.#socket.bufferedAmount > FULL_BYTES / 2) return
    this.#isFull = false
    this.#session.drained()
  }

  #take(data: RawData, isBinary: boolean): void {
    if (isBinary) this.#socket.close(1003, 'expected text')
    else if (!this.#rate.admits()) this.#socket.close(1008, 'too many messages')
    else this.#session.receive(parsed(data))
  }
}

/** Undefined for what is no JSON: the session answers that it is no message. */
function parsed(data: RawData): unknown {
  try {
    return JSON.parse(String(data))
  } catch {
    return undefined
  }
}
