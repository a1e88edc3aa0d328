import { ExovisorError, fromErrorRecord } from '../../errors.ts'
import {
  type Frame,
  frameFlags,
  jsonFrame,
  payloadAsF32,
  payloadAsI32,
  tensorFrame,
} from '../../network/frame.ts'
import type { ComputeWorker, Done } from '../compute-worker.ts'
import type { ShardDescription } from '../shard.ts'
import { BusyTime } from './busy-time.ts'
import type { OpenPayload } from './protocol.ts'

interface StageRequestOptions {
  /** As it stands in frames; a number of the link above, which a later epoch uses again. */
  readonly id: number
  /** As the worker knows it: never used twice, so that a late result of an older epoch finds nobody. */
  readonly job: number
  readonly payload: OpenPayload
  readonly worker: ComputeWorker
  readonly shard: ShardDescription
  readonly prefillChunk: number
  /** Milliseconds, monotonic. */
  readonly now: () => number
  /** Sends to the next stage; false asks to wait for {@link drained}. */
  readonly down: (frame: Frame) => boolean
  readonly drained: () => Promise<void>
  /** Sends to the stage or session above. */
  readonly up: (frame: Frame) => void
  /** The prompt has been computed. */
  readonly decoding: () => void
  readonly failed: (error: unknown) => void
  /** The generation has come to its end by itself. */
  readonly ended: () => void
}

/** One generation as one stage sees it. The head stage also feeds the prompt and drives the decode loop. */
export class StageRequest {
  readonly #options: StageRequestOptions
  readonly #stopIds: ReadonlySet<number>
  /** One entry for each forward that the worker still has to answer: whether the last stage samples after it. */
  readonly #pending: boolean[] = []
  readonly #busy: BusyTime
  /** The position of the token that the worker makes next by itself. */
  #next: number
  #fed = 0
  #generated = 0
  #decoding = false
  /** No token is asked for at this position or a later one. */
  #until: number
  /** The last token, while there is no credit for the one after it. */
  #held: { readonly token: number; readonly position: number } | undefined

  constructor(options: StageRequestOptions) {
    this.#options = options
    this.#stopIds = new Set(options.payload.stopIds)
    this.#until = options.payload.until ?? Number.POSITIVE_INFINITY
    this.#busy = new BusyTime(options.now)
    this.#next = options.payload.ids.length
  }

  get id(): number {
    return this.#options.id
  }

  get job(): number {
    return this.#options.job
  }

  /** Opens the sequence in the worker; the head stage starts to feed the prompt. */
  start(): void {
    const { job, payload, worker, shard } = this.#options
    worker.submit({
      type: 'open',
      request: job,
      ids: Int32Array.from(payload.ids),
      sampling: payload.sampling,
    })
    if (shard.first && shard.last) {
      const { maxTokens, stopIds, until } = payload
      worker.submit({
        type: 'generate',
        request: job,
        maxTokens,
        stopIds,
        ...(until !== undefined && { until }),
      })
    } else if (shard.first) this.#feed()
  }

  /** Has a frame with hidden states computed. */
  compute(frame: Frame): void {
    const { id, shard } = this.#options
    const [rows = 0, width = 0] = frame.shape
    if (frame.dtype !== 'f32' || frame.shape.length !== 2 || width !== shard.hiddenSize || rows < 1)
      throw new ExovisorError(
        'EXO_FRAME_INVALID',
        `tensor frame of request ${id}: ${frame.dtype}[${frame.shape.join(', ')}], expected f32[rows, ${shard.hiddenSize}]`,
      )
    if (frame.position + rows > shard.contextLength)
      throw new ExovisorError(
        'EXO_FRAME_INVALID',
        `tensor frame of request ${id}: position ${frame.position} and ${rows} rows, the context is ${shard.contextLength}`,
      )
    const sample = (frame.flags & frameFlags.sample) !== 0
    if (sample) this.#prefilled()
    const input = payloadAsF32(frame).buffer
    this.#forward(frame.position, rows, input, sample)
  }

  /** On the head stage: its reader has taken enough for tokens before the position `until`. */
  credit(until: number): void {
    const { job, worker, shard } = this.#options
    if (shard.last) worker.submit({ type: 'credit', request: job, until })
    // It was its reader that it waited for.
    if (this.#next >= this.#until) this.#busy.skip()
    this.#until = Math.max(this.#until, until)
    if (!this.#held || this.#held.position + 1 >= this.#until) return
    const { token, position } = this.#held
    this.#held = undefined
    this.#forward(position, 1, Int32Array.of(token).buffer, true)
  }

  /** A token that a stage below has sampled, on its way up. */
  tokenFromBelow(frame: Frame): void {
    const [token, ...took] = payloadAsI32(frame)
    if (token === undefined)
      throw new ExovisorError('EXO_FRAME_INVALID', 'a token frame without a token came from below')
    this.#prefilled()
    if (this.#options.shard.first) this.#advance(token, frame.position, took)
    else this.#options.up(this.#tokenFrame(token, frame.position, took))
  }

  /** Takes what the worker has computed for this request. */
  done(done: Done): void {
    switch (done.type) {
      case 'hidden':
        this.#passDown(done)
        return
      case 'token':
        this.#answered()
        this.#next = done.position + 1
        this.#prefilled()
        this.#options.up(this.#tokenFrame(done.id, done.position, []))
        return
      case 'finished':
        this.#finish(done.reason)
        return
      case 'failed':
        this.#options.failed(fromErrorRecord(done.error))
        return
      case 'advanced':
        this.#answered()
        return
    }
  }

  #prefilled(): void {
    if (this.#decoding) return
    this.#decoding = true
    this.#options.decoding()
  }

  #feed(): void {
    const { payload, prefillChunk } = this.#options
    const position = this.#fed
    const chunk = payload.ids.slice(position, position + prefillChunk)
    this.#fed += chunk.length
    this.#forward(position, chunk.length, Int32Array.from(chunk).buffer, this.#fed === payload.ids.length)
  }

  #forward(position: number, rows: number, input: ArrayBuffer, sample: boolean): void {
    this.#pending.push(sample)
    this.#busy.began()
    this.#options.worker.submit({
      type: 'forward',
      request: this.#options.job,
      position,
      rows,
      input,
      sample,
    })
  }

  #passDown(done: Extract<Done, { type: 'hidden' }>): void {
    const { id, payload, shard, down, drained, failed } = this.#options
    const sample = this.#answered()
    const flags = sample ? frameFlags.sample : 0
    const address = { epoch: 0, request: id, sequence: done.position, position: done.position, flags }
    const roomy = down(tensorFrame(address, new Float32Array(done.data), [done.rows, shard.hiddenSize]))
    if (!shard.first || this.#fed >= payload.ids.length) return
    if (roomy) this.#feed()
    else drained().then(() => this.#feed(), failed)
  }

  /** The worker has answered the oldest forward, or made a token by itself. The result says whether the last stage samples after it. */
  #answered(): boolean {
    this.#busy.done()
    return this.#pending.shift() ?? false
  }

  #advance(token: number, position: number, took: readonly number[]): void {
    const { payload, shard, up } = this.#options
    if (this.#stopIds.has(token)) {
      this.#finish('stop')
      return
    }
    this.#generated += 1
    up(this.#tokenFrame(token, position, took))
    if (this.#generated >= payload.maxTokens || position + 1 >= shard.contextLength) {
      this.#finish('length')
      return
    }
    if (position + 1 < this.#until) this.#forward(position, 1, Int32Array.of(token).buffer, true)
    else this.#held = { token, position }
  }

  #finish(reason: 'stop' | 'length'): void {
    this.#options.up(jsonFrame({ kind: 'close', epoch: 0, request: this.#options.id }, { reason }))
    this.#options.ended()
  }

  /** @param took microseconds of this token in each stage that it has passed, the last stage first: this one adds its own */
  #tokenFrame(token: number, position: number, took: readonly number[]): Frame {
    const address = {
      kind: 'token',
      epoch: 0,
      request: this.#options.id,
      sequence: position,
      position,
    } as const
    return tensorFrame(address, Int32Array.of(token, ...took, this.#busy.take()))
  }
}
