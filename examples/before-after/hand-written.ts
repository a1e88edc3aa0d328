/** The client as a good engineer writes it in an afternoon: channels in turn, one opening at a time, retries, deadlines. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, type ServiceError, status } from '@grpc/grpc-js'
import { callOnce, type Greeter, type GreeterOptions, limits, openChannel } from './greeter.ts'

const codeOf = (error: unknown) => (error as Partial<ServiceError>).code
const RETRYABLE = new Set<unknown>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.INTERNAL])
/** After these the connection may be dead: who is told nothing for so long cannot know. */
const DISTRUSTED = new Set<unknown>([status.UNAVAILABLE, status.DEADLINE_EXCEEDED])

/** Tries again with growing delays, spread by chance. */
async function retry<Result>(
  work: () => Promise<Result>,
  isRetryable: (error: unknown) => boolean,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === limits.attempts || !isRetryable(error)) throw error
      const delay = Math.min(limits.longestBackoffMs, limits.backoffMs * 2 ** (attempt - 1))
      await sleep(delay * Math.random())
    }
  }
}

/** One channel that is opened when it is needed, and again when it was dropped. */
class Connection {
  readonly #endpoint: string
  #client: Client | undefined
  #opening: Promise<Client> | undefined
  #isClosed = false

  constructor(endpoint: string) {
    this.#endpoint = endpoint
  }

  /** All who ask while the channel is being opened share it. */
  async get(): Promise<Client> {
    if (this.#client) return this.#client
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Drops the channel, unless somebody else has replaced it already. */
  drop(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.close()
  }

  close(): void {
    this.#isClosed = true
    if (this.#client) this.drop(this.#client)
  }

  async #open(): Promise<Client> {
    const client = await retry(
      () => openChannel(this.#endpoint),
      () => !this.#isClosed,
    )
    if (this.#isClosed) {
      client.close()
      throw new Error('the client is closed')
    }
    this.#client = client
    return client
  }
}

export class HandWrittenGreeter implements Greeter {
  readonly #connections: readonly Connection[]
  readonly #attemptMs: number
  #turn = 0
  #isClosed = false

  constructor({ endpoint, connections, attemptMs }: GreeterOptions) {
    this.#connections = Array.from({ length: connections }, () => new Connection(endpoint))
    this.#attemptMs = attemptMs
  }

  async greet(name: string): Promise<string> {
    return retry(
      () => this.#attempt(name),
      error => !this.#isClosed && RETRYABLE.has(codeOf(error)),
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const connection of this.#connections) connection.close()
  }

  async #attempt(name: string): Promise<string> {
    if (this.#isClosed) throw new Error('the client is closed')
    this.#turn = (this.#turn + 1) % this.#connections.length
    const connection = this.#connections[this.#turn] as Connection
    const client = await connection.get()
    try {
      return await callOnce(client, name, this.#attemptMs)
    } catch (error) {
      if (DISTRUSTED.has(codeOf(error))) connection.drop(client)
      throw error
    }
  }
}
