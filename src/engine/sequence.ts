import { ExovisorError } from '../errors.ts'
import type { ForwardJob, GenerateJob, OpenJob } from './compute-protocol.ts'
import { parseSampling, type SamplingParameters, sample } from './sampler.ts'
import type { ShardDescription, ShardInput } from './shard.ts'
import { promptTooLong } from './slot-table.ts'

/** The next thing to compute for a sequence. */
export interface Work {
  readonly sequence: Sequence
  readonly position: number
  readonly rows: number
  readonly input: ShardInput
  /** Whether a token is chosen after the last row. */
  readonly sample: boolean
}

interface Generation {
  readonly maxTokens: number
  readonly stopIds: ReadonlySet<number>
  generated: number
  /** No token is made for this position or a later one. */
  until: number
}

/** One open request: its ids so far, and what is still to be computed of it. */
export class Sequence {
  readonly request: number
  /** The slot that it has, once it is its turn. */
  slot: number | undefined
  readonly #ids: Int32Array<ArrayBuffer>
  readonly #sampling: SamplingParameters
  readonly #shard: ShardDescription
  readonly #forwards: Work[] = []
  #length: number
  #computed = 0
  #generation: Generation | undefined

  /** @throws EXO_PROMPT_TOO_LONG when the ids do not fit into the context, EXO_REQUEST_INVALID for an unknown id, EXO_SAMPLING_INVALID */
  constructor({ request, ids, sampling }: OpenJob, shard: ShardDescription) {
    if (ids.length > shard.contextLength) throw promptTooLong(ids.length, shard.contextLength)
    const unknown = ids.find(id => id < 0 || id >= shard.vocabSize)
    if (unknown !== undefined)
      throw new ExovisorError(
        'EXO_REQUEST_INVALID',
        `token id ${unknown} in the prompt: the model has ids 0 to ${shard.vocabSize - 1}`,
        { details: { id: unknown, vocabSize: shard.vocabSize } },
      )
    this.request = request
    this.#ids = new Int32Array(shard.contextLength + 1)
    this.#ids.set(ids)
    this.#length = ids.length
    this.#sampling = parseSampling(sampling)
    this.#shard = shard
  }

  /** True for a sequence that goes on by itself, and that can wait for its slot. */
  get generates(): boolean {
    return this.#generation !== undefined
  }

  get hasWork(): boolean {
    return (this.generates && !this.#isOutOfCredit) || this.#forwards.length > 0
  }

  /** @throws EXO_ENGINE_FAILED */
  addForward(job: ForwardJob): void {
    if (this.#generation)
      throw new ExovisorError('EXO_ENGINE_FAILED', `request ${this.request} generates, it takes no forward`)
    const { position, rows, input } = job
    if (input.byteLength % 4 !== 0)
      throw new ExovisorError(
        'EXO_ENGINE_FAILED',
        `an input of ${input.byteLength} bytes is not of 32-bit values`,
      )
    this.#forwards.push({
      sequence: this,
      position,
      rows,
      input: this.#shard.first ? new Int32Array(input) : new Float32Array(input),
      sample: job.sample && this.#shard.last,
    })
  }

  /**
   * @returns true if it is over before it began
   * @throws EXO_ENGINE_FAILED
   */
  startGeneration({ maxTokens, stopIds, until = Number.POSITIVE_INFINITY }: GenerateJob): boolean {
    const { first, last, contextLength } = this.#shard
    if (!first || !last || this.#generation || this.#length === 0 || !Number.isInteger(maxTokens))
      throw new ExovisorError(
        'EXO_ENGINE_FAILED',
        `request ${this.request} cannot generate ${maxTokens} tokens: it takes a whole model and an opened prompt, once`,
      )
    this.#generation = { maxTokens, stopIds: new Set(stopIds), generated: 0, until }
    return maxTokens <= 0 || this.#length >= contextLength
  }

  /** Lets a generation go on up to a later position. */
  credit(until: number): void {
    if (this.#generation) this.#generation.until = Math.max(this.#generation.until, until)
  }

  /** Its reader has not taken enough of what is there: it waits for credit, in its slot. The first token needs none. */
  get #isOutOfCredit(): boolean {
    const generation = this.#generation
    return generation !== undefined && generation.generated > 0 && this.#length >= generation.until
  }

  /** @param chunk the most rows of a prompt */
  next(chunk: number): Work | undefined {
    if (!this.#generation) return this.#forwards[0]
    if (this.#isOutOfCredit) return undefined
    const position = this.#computed
    const rows = Math.min(chunk, this.#length - position)
    const input = this.#ids.subarray(position, position + rows)
    return { sequence: this, position, rows, input, sample: position + rows === this.#length }
  }

  /** Notes that the work is computed. */
  advance({ position, rows }: Work): void {
    this.#computed = position + rows
    this.#forwards.shift()
  }

  /** Chooses the token after the work and adds it to the ids. */
  chooseNext({ position, rows }: Work, logits: Float32Array): number {
    const index = position + rows
    if (this.#length < index)
      throw new ExovisorError(
        'EXO_ENGINE_FAILED',
        `request ${this.request} was opened with too few ids: ${this.#length} are known, ${index} come before the token to choose`,
      )
    const id = sample(logits, this.#ids.subarray(0, index), this.#sampling, index)
    this.#ids[index] = id
    this.#length = index + 1
    if (this.#generation) this.#generation.generated += 1
    return id
  }

  /** Whether the generation ends with this token, and why. `stop` means that the token is not part of it. */
  endsWith(id: number): 'stop' | 'length' | undefined {
    if (!this.#generation) return undefined
    const { maxTokens, stopIds, generated } = this.#generation
    if (stopIds.has(id)) return 'stop'
    return generated >= maxTokens || this.#length >= this.#shard.contextLength ? 'length' : undefined
  }
}
