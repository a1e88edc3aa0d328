import type { ComputeWorker, Done, Job } from '../../src/engine/compute-worker.ts'
import type { ShardDescription } from '../../src/engine/shard.ts'
import { ExovisorError, toErrorRecord } from '../../src/errors.ts'

/**
 * A worker without a model: each layer adds 1 to the state that a token carries, so that the sampled token is
 * `id + layers` of the whole chain, wherever it is cut.
 */
export class FakeWorker implements Pick<ComputeWorker, 'submit' | 'onDone'> {
  readonly jobs: Job[] = []
  readonly #shard: ShardDescription
  readonly #spend: (rows: number) => void
  readonly #sequences = new Map<number, number[]>()
  readonly #until = new Map<number, number>()
  readonly #paused = new Map<number, () => void>()
  #listener: (done: Done) => void = () => {}
  #holding: Done[] | undefined
  /** Set to have the next forward fail. */
  failNext = false

  /** @param spend is told how many milliseconds a piece of work takes: one for each row and layer */
  constructor(shard: ShardDescription, spend: (ms: number) => void = () => undefined) {
    this.#shard = shard
    this.#spend = rows => spend(rows * (shard.layers[1] - shard.layers[0]))
  }

  onDone(listener: (done: Done) => void): void {
    this.#listener = done => {
      if (this.#holding) this.#holding.push(done)
      else listener(done)
    }
  }

  /** Answers that are held back, as by a step that takes long. */
  get held(): number {
    return this.#holding?.length ?? 0
  }

  holdAnswers(): void {
    this.#holding = []
  }

  releaseAnswers(): void {
    const held = this.#holding ?? []
    this.#holding = undefined
    for (const done of held) this.#listener(done)
  }

  submit(job: Job): void {
    this.jobs.push(job)
    setImmediate(() => this.#work(job))
  }

  #work(job: Job): void {
    if (job.type === 'open') this.#sequences.set(job.request, [...job.ids])
    else if (job.type === 'close') this.#sequences.delete(job.request)
    else if (!this.#sequences.has(job.request)) return
    else if (job.type === 'generate') this.#generate(job)
    else if (job.type === 'credit') this.#credit(job.request, job.until)
    else this.#forward(job)
  }

  #forward(job: Extract<Job, { type: 'forward' }>): void {
    const { request, position, rows } = job
    if (this.failNext) {
      this.failNext = false
      this.#listener({
        type: 'failed',
        request,
        error: toErrorRecord(new ExovisorError('EXO_ENGINE_FAILED', 'as told')),
      })
      return
    }
    const { first, last, hiddenSize, layers } = this.#shard
    this.#spend(rows)
    const input = first ? new Int32Array(job.input) : new Float32Array(job.input)
    const states = Array.from(
      { length: rows },
      (_, row) => (input[first ? row : row * hiddenSize] ?? 0) + layers[1] - layers[0],
    )
    if (!last) {
      const data = new Float32Array(rows * hiddenSize)
      states.forEach((state, row) => {
        data[row * hiddenSize] = state
      })
      this.#listener({ type: 'hidden', request, position, rows, data: data.buffer })
    } else if (job.sample)
      this.#listener({ type: 'token', request, position: position + rows, id: states.at(-1) ?? 0 })
    else this.#listener({ type: 'advanced', request, position })
  }

  #credit(request: number, until: number): void {
    this.#until.set(request, until)
    const goOn = this.#paused.get(request)
    this.#paused.delete(request)
    goOn?.()
  }

  #generate(job: Extract<Job, { type: 'generate' }>): void {
    const ids = this.#sequences.get(job.request) ?? []
    const layers = this.#shard.layers[1] - this.#shard.layers[0]
    this.#credit(job.request, job.until ?? Number.POSITIVE_INFINITY)
    const step = (made: number) => {
      if (!this.#sequences.has(job.request)) return
      if (made > 0 && ids.length >= (this.#until.get(job.request) ?? 0)) {
        this.#paused.set(job.request, () => step(made))
        return
      }
      this.#spend(made === 0 ? ids.length : 1)
      const id = (ids.at(-1) ?? 0) + layers
      if (job.stopIds.includes(id)) {
        this.#listener({ type: 'finished', request: job.request, reason: 'stop' })
        return
      }
      ids.push(id)
      this.#listener({ type: 'token', request: job.request, position: ids.length - 1, id })
      if (made + 1 >= job.maxTokens || ids.length >= this.#shard.contextLength)
        this.#listener({ type: 'finished', request: job.request, reason: 'length' })
      else setImmediate(() => step(made + 1))
    }
    step(0)
  }
}
