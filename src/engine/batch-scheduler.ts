import { ExovisorError, toErrorRecord } from '../errors.ts'
import {
  type Done,
  type ForwardJob,
  type GenerateJob,
  type Job,
  MAX_WAITING,
  type OpenJob,
} from './compute-protocol.ts'
import { Sequence, type Work } from './sequence.ts'
import type { ShardCompute, ShardSpec } from './shard.ts'
import type { StepRecorder } from './step-clock.ts'

interface BatchSchedulerOptions {
  readonly compute: ShardCompute
  readonly spec: Pick<ShardSpec, 'slots' | 'prefillChunk'>
  readonly steps: Pick<StepRecorder, 'begin' | 'end'>
  readonly emit: (done: Done) => void
}

/**
 * Decides what a shard computes next. One step is either one token for every sequence that is decoding, as one batch,
 * or one chunk of one prompt; where there is both they take turns, so a long prompt does not hold up the others.
 * Sequences join and leave the batch from step to step (continuous batching, as in Orca, Yu et al. 2022).
 *
 * At most `slots` + {@link MAX_WAITING} requests are open. Those that generate wait for a slot, in order.
 */
export class BatchScheduler {
  readonly #options: BatchSchedulerOptions
  readonly #sequences = new Map<number, Sequence>()
  #prefillIsNext = false

  constructor(options: BatchSchedulerOptions) {
    this.#options = options
  }

  /** Takes a job. Whatever is wrong with it fails its request only. */
  submit(job: Job): void {
    if (job.type === 'close') {
      this.#close(job.request)
      return
    }
    if (job.type === 'credit') {
      this.#sequences.get(job.request)?.credit(job.until)
      return
    }
    try {
      if (job.type === 'open') this.#open(job)
      else this.#start(job)
    } catch (error) {
      this.#fail(job.request, error)
    }
  }

  /** True if a step would do something. */
  get busy(): boolean {
    for (const sequence of this.#sequences.values())
      if (sequence.slot !== undefined && sequence.hasWork) return true
    return false
  }

  /** Computes one step and tells its results. Must not be called again before it has ended. */
  async step(): Promise<void> {
    const works = this.#works()
    const prefill = works.find(({ rows }) => rows > 1)
    const decoding = works.filter(({ rows }) => rows === 1)
    const [first] = decoding
    const takesPrefill = prefill !== undefined && (this.#prefillIsNext || !first)
    this.#prefillIsNext = !takesPrefill
    if (takesPrefill) await this.#computeAlone(prefill)
    else if (decoding.length > 1) await this.#computeBatch(decoding)
    else if (first) await this.#computeAlone(first)
  }

  /** Fails all requests. */
  abandon(error: ExovisorError): void {
    for (const request of [...this.#sequences.keys()]) this.#fail(request, error)
  }

  #open(job: OpenJob): void {
    const { compute, spec } = this.#options
    this.#close(job.request)
    if (this.#sequences.size >= spec.slots + MAX_WAITING)
      throw new ExovisorError(
        'EXO_ENGINE_BUSY',
        `${this.#sequences.size} requests are open: ${spec.slots} slots, and ${MAX_WAITING} that wait`,
        { details: { open: this.#sequences.size, slots: spec.slots } },
      )
    this.#sequences.set(job.request, new Sequence(job, compute.description))
  }

  #start(job: ForwardJob | GenerateJob): void {
    const sequence = this.#sequences.get(job.request)
    // Its request was closed or has failed while the job was under way.
    if (!sequence) return
    if (job.type === 'forward') {
      sequence.slot ??= this.#options.compute.acquire()
      sequence.addForward(job)
    } else if (sequence.startGeneration(job)) this.#finish(sequence, 'length')
    else this.#giveSlots()
  }

  #works(): Work[] {
    const works: Work[] = []
    for (const sequence of this.#sequences.values()) {
      const work = sequence.slot === undefined ? undefined : sequence.next(this.#options.spec.prefillChunk)
      if (work) works.push(work)
    }
    return works
  }

  async #computeAlone(work: Work): Promise<void> {
    const { compute, steps } = this.#options
    const { sequence, position, rows, input } = work
    try {
      steps.begin()
      try {
        const output = compute.forward(sequence.slot ?? -1, position, input, rows, work.sample)
        this.#conclude(work, output instanceof Promise ? await output : output)
      } finally {
        steps.end()
      }
    } catch (error) {
      this.#fail(sequence.request, error, work)
    }
  }

  async #computeBatch(works: readonly Work[]): Promise<void> {
    const { compute, steps } = this.#options
    const width = compute.last ? compute.vocabSize : compute.hiddenSize
    let output: Float32Array
    steps.begin()
    try {
      const pending = compute.decodeBatch(
        works.map(({ sequence }) => sequence.slot ?? -1),
        works.map(({ position }) => position),
        joined(works, compute),
      )
      output = pending instanceof Promise ? await pending : pending
    } catch {
      // One of them may be to blame: alone it fails alone.
      for (const work of works) await this.#computeAlone(work)
      return
    } finally {
      steps.end()
    }
    for (const [index, work] of works.entries()) {
      try {
        this.#conclude(work, output.subarray(index * width, (index + 1) * width))
      } catch (error) {
        this.#fail(work.sequence.request, error, work)
      }
    }
  }

  #conclude(work: Work, output: Float32Array): void {
    const { emit, compute } = this.#options
    const { sequence, position, rows } = work
    const { request } = sequence
    sequence.advance(work)
    if (!compute.last) {
      emit({ type: 'hidden', request, position, rows, data: output.slice().buffer })
    } else if (work.sample) {
      const id = sequence.chooseNext(work, output)
      const end = sequence.endsWith(id)
      if (end !== 'stop') emit({ type: 'token', request, position: position + rows, id })
      if (end) this.#finish(sequence, end)
    } else if (!sequence.generates) emit({ type: 'advanced', request, position: position + rows })
  }

  #finish({ request }: Sequence, reason: 'stop' | 'length'): void {
    this.#close(request)
    this.#options.emit({ type: 'finished', request, reason })
  }

  #fail(request: number, error: unknown, work?: Work): void {
    this.#close(request)
    const where = work ? ` at position ${work.position} with ${work.rows} rows` : ''
    const failure =
      error instanceof ExovisorError
        ? error
        : new ExovisorError('EXO_ENGINE_FAILED', `request ${request}: a step${where} failed`, {
            cause: error,
          })
    this.#options.emit({ type: 'failed', request, error: toErrorRecord(failure) })
  }

  #close(request: number): void {
    const sequence = this.#sequences.get(request)
    if (!sequence) return
    this.#sequences.delete(request)
    if (sequence.slot !== undefined) this.#options.compute.release(sequence.slot)
    this.#giveSlots()
  }

  #giveSlots(): void {
    let held = 0
    for (const { slot } of this.#sequences.values()) if (slot !== undefined) held += 1
    for (const sequence of this.#sequences.values()) {
      if (held >= this.#options.spec.slots) return
      if (sequence.slot !== undefined || !sequence.generates) continue
      sequence.slot = this.#options.compute.acquire()
      held += 1
    }
  }
}

function joined(works: readonly Work[], { first, hiddenSize }: ShardCompute): Int32Array | Float32Array {
  const width = first ? 1 : hiddenSize
  const all = first ? new Int32Array(works.length) : new Float32Array(works.length * hiddenSize)
  for (const [index, { input }] of works.entries()) all.set(input, index * width)
  return all
}
