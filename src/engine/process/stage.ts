import { ExovisorError, toErrorRecord } from '../../errors.ts'
import { type Frame, jsonFrame, jsonPayload } from '../../network/frame.ts'
import type { TensorLink } from '../../network/tensor-link.ts'
import type { ComputeWorker, Done } from '../compute-worker.ts'
import type { ShardDescription } from '../shard.ts'
import { type EngineActivity, greetingFrame, type OpenPayload, openPayloadSchema } from './protocol.ts'
import { StageRequest } from './stage-request.ts'

/** What a stage needs from outside. */
export interface StageOptions {
  readonly worker: ComputeWorker
  readonly shard: ShardDescription
  /** Tokens of a prompt that go through the chain as one frame. */
  readonly prefillChunk: number
  /** The most requests open at a time; one more is refused with EXO_ENGINE_BUSY. */
  readonly maxRequests: number
  /** Milliseconds, monotonic. */
  readonly now: () => number
  readonly onActivity?: (activity: EngineActivity) => void
}

/**
 * One stage of a chain: takes frames from the link above, has them computed by the worker, and hands the
 * result to the link below; tokens come back the same way. The head stage drives the decode loop, so that a
 * token needs no turn over the session.
 *
 * A stage belongs to one epoch at a time. Frames of another epoch are answered with EXO_EPOCH_STALE.
 */
export class Stage {
  readonly #options: StageOptions
  /** By the number that stands in frames. */
  readonly #requests = new Map<number, StageRequest>()
  /** By the number that the worker knows. */
  readonly #jobs = new Map<number, StageRequest>()
  #nextJob = 1
  #epoch = -1
  #above: TensorLink | undefined
  #below: TensorLink | undefined
  #lost: ExovisorError | undefined

  constructor(options: StageOptions) {
    this.#options = options
    options.worker.onDone(done => this.#onDone(done))
  }

  /** The epoch that this stage belongs to; -1 before the first {@link link}. */
  get epoch(): number {
    return this.#epoch
  }

  /**
   * Moves the stage to a new epoch: whatever the old one left is dropped, its links are closed.
   *
   * @param below the link to the next stage; the last stage has none
   * @throws EXO_EPOCH_STALE when the stage already belongs to this epoch or a later one
   */
  link(epoch: number, below: TensorLink | undefined): void {
    if (epoch <= this.#epoch)
      throw new ExovisorError(
        'EXO_EPOCH_STALE',
        `epoch ${epoch} was offered, but the stage is at epoch ${this.#epoch}`,
      )
    this.#dropAll()
    this.#above?.close()
    this.#below?.close()
    this.#above = undefined
    this.#epoch = epoch
    this.#below = below
    below?.onFrame(frame => this.#fromBelow(below, frame))
    below?.onClosed(error => this.#lostBelow(below, error))
    below?.send(greetingFrame(epoch))
  }

  /** Takes a new link from above. It serves once its first frame shows the epoch of this stage. */
  attach(link: TensorLink): void {
    link.onFrame(frame => this.#fromAbove(link, frame))
    link.onClosed(() => {
      if (this.#above !== link) return
      this.#above = undefined
      this.#dropAll()
    })
  }

  #fromAbove(link: TensorLink, frame: Frame): void {
    if (frame.epoch !== this.#epoch) {
      const record = new ExovisorError(
        'EXO_EPOCH_STALE',
        `a ${frame.kind} frame of epoch ${frame.epoch} came, but the stage is at epoch ${this.#epoch}`,
      )
      link.send(this.#errorFrame(frame.epoch, frame.request, record))
      return
    }
    if (this.#above !== link) {
      this.#above?.close()
      this.#above = link
    }
    // The stage below may have gone before the first frame came from above, when there was nobody to tell.
    if (!this.#options.shard.last && !this.#below) {
      link.send(
        this.#errorFrame(
          this.#epoch,
          0,
          this.#lost ?? new ExovisorError('EXO_STREAM_CLOSED', 'there is no next stage'),
        ),
      )
      return
    }
    try {
      this.#accept(frame)
    } catch (error) {
      this.#fail(frame.request, error)
    }
  }

  #accept(frame: Frame): void {
    switch (frame.kind) {
      case 'open':
        this.#open(frame)
        return
      case 'tensor': {
        const request = this.#requests.get(frame.request)
        if (this.#options.shard.first)
          throw new ExovisorError(
            'EXO_FRAME_INVALID',
            'a tensor frame came to the first stage: expected open or close',
          )
        request?.compute(frame)
        return
      }
      case 'credit':
        if (!this.#options.shard.first)
          throw new ExovisorError('EXO_FRAME_INVALID', 'a credit frame came to a stage that is not the first')
        this.#requests.get(frame.request)?.credit(frame.position)
        return
      case 'close':
        this.#close(frame.request)
        if (frame.request !== 0) this.#below?.send(frame)
        return
      case 'token':
      case 'error':
      case 'ping':
      case 'pong':
        throw new ExovisorError(
          'EXO_FRAME_INVALID',
          `a ${frame.kind} frame came from above: expected open, tensor, credit or close`,
        )
    }
  }

  #open(frame: Frame): void {
    const payload = openPayloadSchema.safeParse(jsonPayload(frame))
    if (!payload.success)
      throw new ExovisorError(
        'EXO_FRAME_INVALID',
        `open frame of request ${frame.request}: ${payload.error.message}`,
      )
    if (this.#requests.has(frame.request))
      throw new ExovisorError('EXO_FRAME_INVALID', `request ${frame.request} is already open`)
    if (this.#requests.size >= this.#options.maxRequests)
      throw new ExovisorError(
        'EXO_ENGINE_BUSY',
        `${this.#requests.size} sequences are open, which is the limit of this engine`,
      )
    this.#below?.send(frame)
    this.#start(frame.request, payload.data)
  }

  #start(id: number, payload: OpenPayload): void {
    const { worker, shard, prefillChunk, now } = this.#options
    const request: StageRequest = new StageRequest({
      id,
      job: this.#nextJob++,
      payload,
      worker,
      shard,
      prefillChunk,
      now,
      down: frame => this.#below?.send({ ...frame, epoch: this.#epoch }) ?? true,
      drained: () => this.#below?.drained() ?? Promise.resolve(),
      up: frame => void this.#above?.send({ ...frame, epoch: this.#epoch }),
      decoding: () => this.#options.onActivity?.('decode.started'),
      // What was under way when a request was closed may end later, when its number belongs to another one.
      failed: error => this.#requests.get(id) === request && this.#fail(id, error),
      ended: () => {
        this.#below?.send(jsonFrame({ kind: 'close', epoch: this.#epoch, request: id }, {}))
        this.#close(id)
      },
    })
    this.#requests.set(id, request)
    this.#jobs.set(request.job, request)
    this.#options.onActivity?.('prefill.started')
    request.start()
  }

  #fromBelow(link: TensorLink, frame: Frame): void {
    if (link !== this.#below || frame.epoch !== this.#epoch) return
    if (frame.kind === 'token') {
      this.#requests.get(frame.request)?.tokenFromBelow(frame)
    } else if (frame.kind === 'error') {
      this.#close(frame.request)
      this.#above?.send(frame)
    }
  }

  #lostBelow(link: TensorLink, cause: ExovisorError | undefined): void {
    if (link !== this.#below) return
    this.#below = undefined
    this.#dropAll()
    this.#lost = new ExovisorError(
      'EXO_STREAM_CLOSED',
      `the stream to the next stage at ${link.peer} broke`,
      { cause },
    )
    this.#above?.send(this.#errorFrame(this.#epoch, 0, this.#lost))
  }

  #onDone(done: Done): void {
    const request = this.#jobs.get(done.request)
    if (!request) return
    try {
      request.done(done)
    } catch (error) {
      this.#fail(request.id, error)
    }
  }

  #fail(id: number, error: unknown): void {
    this.#close(id)
    this.#below?.send(jsonFrame({ kind: 'close', epoch: this.#epoch, request: id }, {}))
    this.#above?.send(this.#errorFrame(this.#epoch, id, error))
  }

  #close(id: number): void {
    const request = this.#requests.get(id)
    if (!request) return
    this.#requests.delete(id)
    this.#jobs.delete(request.job)
    this.#options.worker.submit({ type: 'close', request: request.job })
    this.#options.onActivity?.('generation.ended')
  }

  #dropAll(): void {
    for (const id of [...this.#requests.keys()]) this.#close(id)
  }

  #errorFrame(epoch: number, request: number, error: unknown): Frame {
    const { code, message } = toErrorRecord(error, 'EXO_ENGINE_FAILED')
    return jsonFrame({ kind: 'error', epoch, request }, { code, message: message.slice(0, 4_000) })
  }
}
