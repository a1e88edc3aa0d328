import type { Hello, ViewerMessage, ViewMessage } from '../../../observe/view/messages.ts'
import type { LiveState } from './live-state.ts'
import { keepToken } from './token.ts'

/** The version of the messages that this page knows; it is compared with that of the node. */
const version: Hello['version'] = 1

/** How it stands with the stream. */
export type Link =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** Lost: the next try is at `at`. */
  | { readonly kind: 'lost'; readonly at: number }
  /** The node does not know the token, or there is none. */
  | { readonly kind: 'refused' | 'no_token' }
  /** The node speaks another version than this page. */
  | { readonly kind: 'other_version' }

type Command = Extract<ViewerMessage, { type: 'command' }>
export type CommandName = Command['command']

/** What a node answers to a command that it does not carry out. */
class CommandRefused extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const FIRST_DELAY = 250
const LONGEST_DELAY = 10_000

/** The stream of a node: connects, takes in, connects again, and sends what the user wants. */
export class Connection {
  link: Link = { kind: 'connecting' }
  readonly #state: LiveState
  #token: string | undefined
  #socket: WebSocket | undefined
  #tries = 0
  #timer = 0
  #watched: readonly string[] = []
  #nextId = 1
  readonly #answers = new Map<number, { done: (result: unknown) => void; failed: (error: Error) => void }>()

  constructor(state: LiveState, token: string | undefined) {
    this.#state = state
    this.#token = token
  }

  /** Connects now, whatever it waited for. */
  open(): void {
    clearTimeout(this.#timer)
    if (this.#token === undefined) this.#become({ kind: 'no_token' })
    else this.#connect(this.#token)
  }

  #connect(token: string): void {
    this.#become({ kind: 'connecting' })
    const address = new URL('stream', document.baseURI)
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
    address.hash = ''
    const socket = new WebSocket(address, ['exovisor.v1', `token.${token}`])
    this.#socket = socket
    let greeted = false
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(String(data)) as ViewMessage
      if (message.type === 'hello') {
        greeted = true
        this.#greeted(message)
      }
      if (message.type === 'answer') this.#answer(message)
      else this.#state.apply(message)
    }
    socket.onclose = () => void this.#lost(greeted)
  }

  takeToken(token: string): void {
    this.#token = token
    keepToken(token)
    this.#tries = 0
    this.open()
  }

  /** Asks for all details of these actors, and of no others. */
  watch(paths: readonly string[]): void {
    if (paths.join('\n') === this.#watched.join('\n')) return
    this.#watched = paths
    this.#state.keepOnly(paths)
    this.#send({ type: 'watch', paths: [...paths] })
  }

  askJournal(after: number): void {
    this.#send({ type: 'journal', after })
  }

  /** @throws CommandRefused with the node's code, or without an answer when the node goes away */
  command(command: CommandName, path: string, reason?: string): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((done, failed) => {
      this.#answers.set(id, { done, failed })
      if (!this.#send({ type: 'command', id, command, path, ...(reason && { reason }) })) this.#dropAnswers()
    })
  }

  /** A request to the node outside the stream. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${this.#token ?? ''}`)
    return fetch(new URL(path, document.baseURI), { ...init, headers })
  }

  #greeted(hello: Hello): void {
    this.#tries = 0
    this.#become({ kind: hello.version === version ? 'open' : 'other_version' })
    if (this.#watched.length > 0) this.#send({ type: 'watch', paths: [...this.#watched] })
  }

  #answer({ id, result, error }: Extract<ViewMessage, { type: 'answer' }>): void {
    const waiting = this.#answers.get(id)
    this.#answers.delete(id)
    if (error) waiting?.failed(new CommandRefused(error.code, error.message))
    else waiting?.done(result)
  }

  #send(message: ViewerMessage): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false
    this.#socket.send(JSON.stringify(message))
    return true
  }

  async #lost(greeted: boolean): Promise<void> {
    this.#dropAnswers()
    // A browser does not tell why a websocket was refused; a plain request does.
    if (!greeted && (await this.#isRefused())) return void this.#become({ kind: 'refused' })
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#tries) * (0.75 + Math.random() / 2)
    this.#tries += 1
    this.#become({ kind: 'lost', at: Date.now() + delay })
    this.#timer = window.setTimeout(() => this.open(), delay)
  }

  async #isRefused(): Promise<boolean> {
    const leave = new AbortController()
    try {
      const { status } = await this.request('journal', { signal: leave.signal })
      return status === 401 || status === 403
    } catch {
      return false
    } finally {
      leave.abort()
    }
  }

  #dropAnswers(): void {
    for (const { failed } of this.#answers.values())
      failed(
        new CommandRefused(
          'EXO_ABORTED',
          'the connection to the node is lost; nobody knows whether it was done',
        ),
      )
    this.#answers.clear()
  }

  #become(link: Link): void {
    this.link = link
    this.#state.changed('link')
  }
}
