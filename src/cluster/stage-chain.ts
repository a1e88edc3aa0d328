import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import {
  closePayloadSchema,
  errorPayloadSchema,
  greetingFrame,
  type OpenPayload,
} from '../engine/process/protocol.ts'
import { type ErrorCode, ExovisorError, fromErrorRecord } from '../errors.ts'
import { creditFrame, type Frame, jsonFrame, jsonPayload, payloadAsI32 } from '../network/frame.ts'
import type { TensorLink } from '../network/tensor-link.ts'
import { Inbox } from './inbox.ts'
import { StageTimes } from './stage-times.ts'

/** How many tokens a generation may be ahead of its reader: a slow one costs so many of memory, and no step of the engine. */
export const READ_AHEAD_TOKENS = 128

/** What a chain of stages tells of one generation. */
export type ChainEvent =
  | {
      readonly type: 'token'
      readonly id: number
      readonly position: number
      /** How long each stage was busy with it, in milliseconds, first stage first; with the whole prompt for the first token. */
      readonly stageMs: readonly number[]
    }
  | { readonly type: 'end'; readonly reason: 'stop' | 'length' }

/**
 * The entry's end of a linked chain of stages at one epoch. It carries any number of generations at a time.
 * Once its link breaks, each of them fails with EXO_STREAM_CLOSED, and the chain is of no more use.
 */
export class StageChain {
  readonly epoch: number
  readonly #link: TensorLink
  readonly #onBroken: () => void
  readonly #inboxes = new Map<number, Inbox<ChainEvent>>()
  readonly #times = new StageTimes()
  #broken: ExovisorError | undefined
  #nextRequest = 1

  /** @param onBroken called once, when the chain is of no more use */
  constructor(link: TensorLink, epoch: number, onBroken: () => void = () => {}) {
    this.#onBroken = onBroken
    this.epoch = epoch
    this.#link = link
    link.onFrame(frame => this.#take(frame))
    link.send(greetingFrame(epoch))
    link.onClosed(error =>
      this.#break(error ?? new ExovisorError('EXO_STREAM_CLOSED', 'the link to the first stage was closed')),
    )
  }

  /** Why the chain is of no more use; undefined while it works. */
  get broken(): ExovisorError | undefined {
    return this.#broken
  }

  /** Milliseconds that each stage takes for a token, from the last tokens; see {@link StageTimes.median}. */
  stageMs(stage: number): number | undefined {
    return this.#times.median(stage)
  }

  /** How many generations run on it. */
  get active(): number {
    return this.#inboxes.size
  }

  /**
   * Opens a generation and yields its tokens. Leaving the loop early closes it in every stage. The stages are at most
   * {@link READ_AHEAD_TOKENS} ahead of the loop: then they wait for it (credit-based flow control, as in HTTP/2, RFC 9113, 5.2).
   *
   * @param signal ends it in every stage; the loop then throws EXO_ABORTED
   * @throws EXO_STREAM_CLOSED when a stage or a link breaks, or whatever a stage reports of this request
   */
  async *generate(open: OpenPayload, signal?: AbortSignal): AsyncGenerator<ChainEvent, void, undefined> {
    if (this.#broken) throw this.#broken
    refuseAborted(signal, 'the generation')
    const request = this.#nextRequest++
    const inbox = new Inbox<ChainEvent>()
    let until = open.ids.length + READ_AHEAD_TOKENS
    const opening = jsonFrame({ kind: 'open', epoch: this.epoch, request }, { ...open, until })
    let ended = false
    let isDecoding = false
    const abort = () => inbox.fail(new ExovisorError('EXO_ABORTED', 'the generation was cancelled'))
    signal?.addEventListener('abort', abort, { once: true })
    try {
      this.#inboxes.set(request, inbox)
      this.#link.send(opening)
      for await (const event of inbox) {
        ended = event.type === 'end'
        if (event.type === 'token' && isDecoding) this.#times.add(event.stageMs)
        isDecoding = true
        yield event
        if (event.type === 'end') return
        if (event.position + READ_AHEAD_TOKENS / 2 < until) continue
        until = event.position + 1 + READ_AHEAD_TOKENS
        this.#link.send(creditFrame({ epoch: this.epoch, request, position: until }))
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#inboxes.delete(request)
      if (!ended && !this.#broken)
        this.#link.send(jsonFrame({ kind: 'close', epoch: this.epoch, request }, {}))
    }
  }

  /** Closes the link; running generations fail. */
  close(): void {
    this.#break(new ExovisorError('EXO_STREAM_CLOSED', `the chain of epoch ${this.epoch} was closed`))
    this.#link.close()
  }

  #break(error: ExovisorError): void {
    if (this.#broken) return
    this.#broken = error
    for (const inbox of this.#inboxes.values()) inbox.fail(error)
    this.#onBroken()
  }

  #take(frame: Frame): void {
    try {
      this.#dispatch(frame)
    } catch (error) {
      this.#inboxes.get(frame.request)?.fail(error)
    }
  }

  #dispatch(frame: Frame): void {
    const inbox = this.#inboxes.get(frame.request)
    if (frame.kind === 'token') {
      const [id, ...took] = payloadAsI32(frame)
      if (id === undefined) return
      // Gathered on the way up, in microseconds.
      const stageMs = took.reverse().map(micros => micros / 1_000)
      inbox?.put({ type: 'token', id, position: frame.position, stageMs })
    } else if (frame.kind === 'close') {
      inbox?.put({ type: 'end', reason: closePayloadSchema.parse(jsonPayload(frame)).reason })
    } else if (frame.kind === 'error') {
      const record = errorPayloadSchema.parse(jsonPayload(frame))
      const error = fromErrorRecord({ code: record.code as ErrorCode, message: record.message })
      if (frame.request === 0 || error.code === 'EXO_EPOCH_STALE') this.#break(error)
      else inbox?.fail(error)
    }
  }
}
