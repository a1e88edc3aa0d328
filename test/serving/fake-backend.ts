import type { GenerationEvent } from '../../src/cluster/generation.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import type { GenerationBackend, ModelRequest, Readiness, ServedModel } from '../../src/serving/backend.ts'

export type Script = (request: ModelRequest) => AsyncIterable<GenerationEvent>

const stats = { ttftMs: 1, decodeTokensPerSecond: 100, prefillTokensPerSecond: 100 }
const promptIds = [1, 2, 3]

export const token = (text: string, position = 0): GenerationEvent => ({
  type: 'token',
  position,
  id: 7,
  text,
})

export const done = (
  text: string,
  tokens: number,
  finishReason: 'stop' | 'length' = 'stop',
): GenerationEvent => ({
  type: 'done',
  promptIds,
  tokenIds: Array.from({ length: tokens }, () => 7),
  text,
  finishReason,
  stats,
})

/** Says these pieces, one a token, and ends. */
export const saying = (...pieces: readonly string[]): Script =>
  async function* () {
    yield { type: 'placement', epoch: 1, stages: [] }
    for (const [i, piece] of pieces.entries()) yield token(piece, promptIds.length + i)
    yield done(pieces.join(''), pieces.length)
  }

/** Says these pieces and then nothing more, deaf to the signal: only the request's end can free it. */
export const sayingThenHanging = (...pieces: readonly string[]): Script =>
  async function* () {
    for (const piece of pieces) yield token(piece)
    await new Promise(() => undefined)
  }

/** Says these pieces and then fails. */
export const sayingThenFailing = (error: unknown, ...pieces: readonly string[]): Script =>
  async function* () {
    for (const piece of pieces) yield token(piece)
    throw error
  }

const models: readonly ServedModel[] = [
  { id: 'tiny', created: 1_700_000_000, chat: true, contextLength: 512 },
  { id: 'org/base', created: 1_700_000_001, chat: false, contextLength: 256 },
]

/** A backend that plays a script, and remembers what it was asked and how it was stopped. */
export class FakeBackend implements GenerationBackend {
  readonly requests: ModelRequest[] = []
  /** Events that the API has taken. */
  taken = 0
  readiness_: Readiness = { ready: true, reasons: [] }
  models_ = models
  script: Script
  readonly #started = deferred<ModelRequest>()
  readonly #aborted = deferred<unknown>()
  readonly #returned = deferred<void>()

  constructor(script: Script = saying('Hello', ' world')) {
    this.script = script
  }

  /** The first generation has begun. */
  get started(): Promise<ModelRequest> {
    return this.#started.promise
  }

  /** The signal of a generation has aborted; its reason. */
  get aborted(): Promise<unknown> {
    return this.#aborted.promise
  }

  /** Return has been called on a generation. */
  get returned(): Promise<void> {
    return this.#returned.promise
  }

  models(): readonly ServedModel[] {
    return this.models_
  }

  readiness(): Readiness {
    return this.readiness_
  }

  generate(request: ModelRequest): AsyncIterable<GenerationEvent> {
    this.requests.push(request)
    request.signal?.addEventListener('abort', () => this.#aborted.resolve(request.signal?.reason))
    this.#started.resolve(request)
    const inner = this.script(request)[Symbol.asyncIterator]()
    return {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const next = await inner.next()
          this.taken += 1
          return next
        },
        return: async () => {
          this.#returned.resolve()
          void inner.return?.()
          return { done: true, value: undefined }
        },
      }),
    }
  }
}
