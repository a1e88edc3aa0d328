import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../concurrency/clock.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { type WaitOptions, watchLimits } from '../concurrency/wait.ts'
import { ExovisorError } from '../errors.ts'

/** How many messages wait in a mailbox at most, unless its owner says otherwise. */
export const DEFAULT_MAILBOX = 1_000
/** How long an ask waits for its answer, unless its caller says otherwise; as in OTP. */
const DEFAULT_ASK_TIMEOUT_MS = 5_000
/** After so many messages in a row the event loop gets a turn, so that a busy actor does not starve it. */
const MESSAGES_A_TURN = 128

/** Why a message was not delivered. */
export type DeadLetterReason = 'mailbox full' | 'closed' | 'not received'

/** A message that nobody handled. */
export interface DeadLetter {
  readonly message: unknown
  readonly reason: DeadLetterReason
  /** Dead letters of this mailbox so far, this one included. */
  readonly count: number
}

/** Handles one message. What it returns or throws answers an ask. */
export type Receiver<Message> = (message: Message, signal: AbortSignal) => unknown

interface Letter<Message> {
  readonly message: Message
  /** Present for an ask. */
  readonly answer?: Deferred<unknown>
  /** Present for an ask: tells the handler that nobody waits any more. */
  readonly abort?: AbortController
}

/** One period in which the mailbox delivers: from `open` to `pause` or `close`. */
interface Session<Message> {
  readonly receive: Receiver<Message>
  readonly abort: AbortController
  current: Letter<Message> | undefined
  running: boolean
}

interface MailboxOptions {
  /** Names the mailbox in messages, e.g. `peer "attic"`. */
  readonly owner: string
  readonly capacity: number
  readonly clock: Clock
  /** False for a kind that takes no messages. */
  readonly receives: boolean
  onDeadLetter(letter: DeadLetter): void
  /** A handler threw while it handled a `tell`. */
  onFault(error: unknown): void
}

/**
 * A bounded queue of messages before an actor that comes and goes. Messages wait while it is not open, are delivered one at
 * a time while it is, and are refused once it is closed or full. A message is never delivered twice.
 */
export class Mailbox<Message> {
  readonly #options: MailboxOptions
  /** A Set keeps the order and lets a caller who gave up take his letter back in constant time. */
  readonly #queue = new Set<Letter<Message>>()
  #session: Session<Message> | undefined
  #closed: ExovisorError | undefined
  #deadLetters = 0

  constructor(options: MailboxOptions) {
    this.#options = options
  }

  /** Messages that wait. */
  get size(): number {
    return this.#queue.size
  }

  /** Messages that were refused so far. */
  get deadLetters(): number {
    return this.#deadLetters
  }

  /** Begins to deliver, first what has waited. Opens a closed mailbox again. */
  open(receive: Receiver<Message>): void {
    this.#closed = undefined
    this.#session = { receive, abort: new AbortController(), current: undefined, running: false }
    this.#run(this.#session)
  }

  /** Stops delivering and keeps what waits. The ask in hand, if any, fails with `error`; it is not tried again. */
  pause(error: ExovisorError): void {
    const session = this.#session
    this.#session = undefined
    session?.current?.answer?.reject(error)
    session?.current?.abort?.abort(error)
    session?.abort.abort(error)
  }

  /** Refuses everything from now on, what waits included. */
  close(error: ExovisorError): void {
    this.pause(error)
    this.#closed = error
    for (const letter of this.#queue) {
      this.#bury(letter.message, 'closed')
      letter.answer?.reject(error)
    }
    this.#queue.clear()
  }

  /** Lets messages wait again after a `close`. */
  reopen(): void {
    this.#closed = undefined
  }

  tell(message: Message): boolean {
    const refusal = this.#refusal()
    if (refusal) {
      this.#bury(message, refusal)
      return false
    }
    this.#enqueue({ message })
    return true
  }

  ask(message: Message, { timeout = DEFAULT_ASK_TIMEOUT_MS, signal }: WaitOptions = {}): Promise<unknown> {
    const refusal = this.#refusal()
    if (refusal) {
      this.#bury(message, refusal)
      return Promise.reject(this.#refusalError(refusal))
    }
    const letter = { message, answer: deferred<unknown>(), abort: new AbortController() }
    const giveUp = (error: ExovisorError): void => {
      this.#queue.delete(letter)
      letter.answer.reject(error)
      letter.abort.abort(error)
    }
    const { owner, clock } = this.#options
    const stopWatching = watchLimits(
      clock,
      { timeout, ...(signal && { signal }) },
      {
        timeout: () =>
          giveUp(new ExovisorError('EXO_ASK_TIMEOUT', `${owner} did not answer within ${timeout} ms`)),
        abort: cause =>
          giveUp(new ExovisorError('EXO_ABORTED', `the caller no longer waits for ${owner}`, { cause })),
      },
    )
    if (signal?.aborted) return letter.answer.promise
    this.#enqueue(letter)
    return letter.answer.promise.finally(stopWatching)
  }

  #refusal(): DeadLetterReason | undefined {
    if (!this.#options.receives) return 'not received'
    if (this.#closed) return 'closed'
    return this.#queue.size >= this.#options.capacity ? 'mailbox full' : undefined
  }

  #refusalError(reason: DeadLetterReason): ExovisorError {
    const { owner, capacity } = this.#options
    if (reason === 'closed' && this.#closed) return this.#closed
    if (reason === 'not received')
      return new ExovisorError('EXO_MESSAGE_UNHANDLED', `${owner} receives no messages`)
    return new ExovisorError('EXO_MAILBOX_FULL', `the mailbox of ${owner} is full: ${capacity} messages wait`)
  }

  #bury(message: unknown, reason: DeadLetterReason): void {
    this.#deadLetters += 1
    this.#options.onDeadLetter({ message, reason, count: this.#deadLetters })
  }

  #enqueue(letter: Letter<Message>): void {
    this.#queue.add(letter)
    if (this.#session) this.#run(this.#session)
  }

  #run(session: Session<Message>): void {
    if (session.running || this.#queue.size === 0) return
    session.running = true
    void this.#deliver(session).finally(() => {
      session.running = false
      if (this.#session === session) this.#run(session)
    })
  }

  async #deliver(session: Session<Message>): Promise<void> {
    let left = MESSAGES_A_TURN
    // Removing while iterating is well defined for a Set, and letters that come meanwhile are visited too.
    for (const letter of this.#queue) {
      if (this.#session !== session) return
      this.#queue.delete(letter)
      session.current = letter
      await this.#handle(session, letter)
      session.current = undefined
      left -= 1
      if (left > 0) continue
      left = MESSAGES_A_TURN
      await nextTurn()
    }
  }

  async #handle(session: Session<Message>, { message, answer, abort }: Letter<Message>): Promise<void> {
    try {
      const value = await session.receive(message, (abort ?? session.abort).signal)
      answer?.resolve(value)
    } catch (error) {
      if (answer) answer.reject(error)
      else this.#options.onFault(error)
    }
  }
}
