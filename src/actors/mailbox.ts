import type { Clock } from '../concurrency/clock.ts'
import { LazyAbort } from '../concurrency/lazy-abort.ts'
import type { Scheduler } from '../concurrency/scheduler.ts'
import { type WaitOptions, watchLimits } from '../concurrency/wait.ts'
import { ExovisorError } from '../errors.ts'
import type { DeadLetter, DeadLetterReason } from './dead-letters.ts'
import { Letter, LetterQueue, Waiter } from './letter.ts'
import type { FullMailboxPolicy } from './mailbox-policy.ts'
import { asSender, currentSender } from './sender.ts'

/** How long an ask waits for its answer, unless its caller says otherwise; as in OTP. */
const DEFAULT_ASK_TIMEOUT_MS = 5_000
/** After so many messages of one actor the next actor has its turn; Pekko's throughput. */
const MESSAGES_IN_A_ROW = 16

/** What a mailbox tells of a message to somebody who traces it. */
type MailboxStep = 'delivered' | 'answered' | 'handled' | 'failed' | 'late_answer'

/** Sees each step of each message, with the address of its sender where that is known. */
type MailboxTracer = (
  step: MailboxStep,
  letter: { readonly message: unknown; readonly from: string | undefined },
  error?: unknown,
) => void

/** Who has a mailbox: handles its messages and hears of those that nobody handles. */
export interface MailboxOwner<Message> {
  /** Names the mailbox in messages, e.g. `peer "attic"`. */
  readonly label: string
  /** Unique in its runtime, e.g. `node/peers/peer:attic`: told to those who trace what it sends to. */
  readonly address: string
  readonly clock: Clock
  readonly scheduler: Scheduler
  /** False for a kind that takes no messages. */
  readonly receives: boolean
  /** Handles one message. What it returns or throws answers an ask. */
  receive(message: Message, work: LazyAbort): unknown
  /** A message was refused. An echo: while this owner was hearing of another one, maybe because of it. */
  buried(letter: DeadLetter, isEcho: boolean): void
  /** A handler threw while it handled a message that was only told. Late: the mailbox was paused in the meantime. */
  handlerFailed(error: unknown, isLate: boolean): void
}

/**
 * A bounded queue of messages before an actor that comes and goes. Messages wait while it is not open, are delivered in order and one
 * at a time while it is, and are refused once it is closed or full. A message is never delivered twice.
 *
 * Delivery goes through the scheduler, never through the sender's stack: a sender goes on at once, chains of
 * actors that forward to each other do not nest, and no actor keeps the others from their turn.
 */
export class Mailbox<Message> {
  readonly #owner: MailboxOwner<Message>
  readonly #letters = new LetterQueue<Message>()
  #policy: FullMailboxPolicy
  /** Letters whose senders wait for a place. Not empty only while the mailbox is full. */
  #outside: LetterQueue<Message> | undefined
  #closed: ExovisorError | undefined
  /** The letter in hand. */
  #current: Letter<Message> | undefined
  /** Tells the handlers of messages that were only told that the mailbox does not deliver any more. */
  #work: LazyAbort | undefined
  #turn: (() => void) | undefined
  #tracer: MailboxTracer | undefined
  #isOpen = false
  #isSuspended = false
  #isPosted = false
  #isBurying = false
  #deadLetters = 0
  #lateAnswers = 0

  constructor(owner: MailboxOwner<Message>, policy: FullMailboxPolicy) {
    this.#owner = owner
    this.#policy = policy
  }

  /** Messages that wait, without those whose senders wait for a place. */
  get size(): number {
    return this.#letters.size
  }

  /** True when {@link pause} would have somebody to tell. */
  get isAtWork(): boolean {
    return this.#current !== undefined || this.#work !== undefined
  }

  /** Messages that were refused so far. */
  get deadLetters(): number {
    return this.#deadLetters
  }

  /** Answers that came after the mailbox had been paused: they were dropped. */
  get lateAnswers(): number {
    return this.#lateAnswers
  }

  get isSuspended(): boolean {
    return this.#isSuspended
  }

  /** Another bound from now on. What waits already stays, also when it is more than the new capacity. */
  set policy(policy: FullMailboxPolicy) {
    this.#policy = policy
    this.#refill()
    if (policy.overflow === 'backpressure') return
    for (let letter = this.#outside?.shift(); letter; letter = this.#outside?.shift())
      letter.reject(this.#refusalError(this.#bury(letter, 'mailbox full')))
  }

  set tracer(tracer: MailboxTracer | undefined) {
    this.#tracer = tracer
  }

  /** Begins to deliver, first what has waited. Opens a closed mailbox again. */
  open(): void {
    this.#closed = undefined
    this.#isOpen = true
    this.#wake()
  }

  /**
   * Stops delivering and keeps what waits. The ask in hand, if any, fails with `reason`; it is not tried again. The reason is made only
   * when there is somebody to tell: an error takes longer to make than all the rest of a restart. None is needed unless {@link isAtWork}.
   */
  pause(reason: (() => ExovisorError) | undefined): void {
    this.#isOpen = false
    const current = this.#current
    const work = this.#work
    this.#current = undefined
    this.#work = undefined
    if (reason === undefined || (!current && !work)) return
    let made: ExovisorError | undefined
    const once = (): ExovisorError => {
      made ??= reason()
      return made
    }
    if (current?.answer) current.answer.reject(once())
    current?.work?.abort(once)
    work?.abort(once)
  }

  /** Refuses everything from now on, what waits included. */
  close(error: ExovisorError): void {
    this.pause(() => error)
    this.#closed = error
    for (const queue of [this.#letters, this.#outside]) {
      for (let letter = queue?.shift(); letter; letter = queue?.shift()) {
        this.#bury(letter, 'closed')
        letter.reject(error)
      }
    }
  }

  /** Lets messages wait again after a `close`. */
  reopen(): void {
    this.#closed = undefined
  }

  /** Delivers nothing until {@link resume}, also when it is opened; the message in hand is finished. */
  suspend(): void {
    this.#isSuspended = true
  }

  resume(): void {
    this.#isSuspended = false
    this.#wake()
  }

  tell(message: Message): boolean {
    const letter = new Letter(message)
    const refusal = this.#refusal(false)
    if (refusal) this.#bury(letter, refusal)
    else this.#accept(letter)
    return refusal === undefined
  }

  send(message: Message, { timeout, signal }: WaitOptions = {}): Promise<void> {
    return this.#post(
      (resolve, reject) => new Letter(message, undefined, new Waiter(resolve, reject)),
      { ...(timeout !== undefined && { timeout }), ...(signal && { signal }) },
      () =>
        new ExovisorError(
          'EXO_MAILBOX_FULL',
          `the mailbox of ${this.#owner.label} had no place within ${timeout} ms`,
        ),
    ) as Promise<void>
  }

  ask(message: Message, { timeout = DEFAULT_ASK_TIMEOUT_MS, signal }: WaitOptions = {}): Promise<unknown> {
    return this.#post(
      (resolve, reject) => new Letter(message, new Waiter(resolve, reject)),
      { timeout, ...(signal && { signal }) },
      () => new ExovisorError('EXO_ASK_TIMEOUT', `${this.#owner.label} did not answer within ${timeout} ms`),
    )
  }

  /** Takes a letter that somebody waits for, within his limits. */
  #post(
    write: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => Letter<Message>,
    limits: WaitOptions,
    timeoutError: () => ExovisorError,
  ): Promise<unknown> {
    const { label, clock } = this.#owner
    const aborted = (cause: unknown): ExovisorError =>
      new ExovisorError('EXO_ABORTED', `the caller no longer waits for ${label}`, { cause })
    if (limits.signal?.aborted) return Promise.reject(aborted(limits.signal.reason))
    return new Promise((resolve, reject) => {
      const letter = write(resolve, reject)
      const refusal = this.#refusal(true)
      if (refusal) {
        const error = this.#refusalError(refusal)
        this.#bury(letter, refusal)
        return letter.reject(error)
      }
      const waiter = letter.answer ?? letter.entry
      this.#accept(letter)
      if (waiter === undefined || waiter.isSettled) return
      waiter.stopWatching = watchLimits(clock, limits, {
        timeout: () => this.#giveUp(letter, timeoutError()),
        abort: cause => this.#giveUp(letter, aborted(cause)),
      })
    })
  }

  #giveUp(letter: Letter<Message>, error: ExovisorError): void {
    letter.queue?.remove(letter)
    this.#refill()
    letter.reject(error)
    letter.work?.abort(() => error)
  }

  /** Why a message cannot be taken now. */
  #refusal(canWait: boolean): DeadLetterReason | undefined {
    const { capacity, overflow } = this.#policy
    if (!this.#owner.receives) return 'not received'
    if (this.#closed) return 'closed'
    if (this.#letters.size < capacity || overflow === 'drop-oldest') return undefined
    if (overflow === 'backpressure' && canWait && (this.#outside?.size ?? 0) < capacity) return undefined
    return 'mailbox full'
  }

  #refusalError(reason: DeadLetterReason): ExovisorError {
    const { label } = this.#owner
    const { capacity } = this.#policy
    if (reason === 'closed' && this.#closed) return this.#closed
    if (reason === 'not received')
      return new ExovisorError('EXO_MESSAGE_UNHANDLED', `${label} receives no messages`)
    const waiting = this.#outside?.size ? ` and ${this.#outside.size} senders` : ''
    const dropped = reason === 'dropped' ? '; a newer message has taken the place of the oldest' : ''
    return new ExovisorError(
      'EXO_MAILBOX_FULL',
      `the mailbox of ${label} is full: ${capacity} messages${waiting} wait${dropped}`,
    )
  }

  #bury({ message }: Letter<Message>, reason: DeadLetterReason): DeadLetterReason {
    this.#deadLetters += 1
    const isEcho = this.#isBurying
    this.#isBurying = true
    try {
      this.#owner.buried({ message, reason, count: this.#deadLetters }, isEcho)
    } finally {
      this.#isBurying = isEcho
    }
    return reason
  }

  /** Takes a letter that is not refused: into the mailbox, or among those who wait for a place. */
  #accept(letter: Letter<Message>): void {
    if (this.#tracer) letter.from = currentSender()
    const isFull = this.#letters.size >= this.#policy.capacity
    if (isFull && this.#policy.overflow === 'backpressure') {
      this.#outside ??= new LetterQueue()
      this.#outside.push(letter)
      return
    }
    const oldest = isFull ? this.#letters.shift() : undefined
    this.#enter(letter)
    oldest?.reject(this.#refusalError(this.#bury(oldest, 'dropped')))
  }

  #enter(letter: Letter<Message>): void {
    this.#letters.push(letter)
    letter.entry?.resolve(undefined)
    this.#wake()
  }

  /** Gives places that have become free to those who wait for one. */
  #refill(): void {
    while (this.#outside?.size && this.#letters.size < this.#policy.capacity) {
      const letter = this.#outside.shift()
      if (letter) this.#enter(letter)
    }
  }

  get #canDeliver(): boolean {
    return this.#isOpen && !this.#isSuspended && this.#current === undefined && this.#letters.size > 0
  }

  #wake(): void {
    if (this.#isPosted || !this.#canDeliver) return
    this.#isPosted = true
    this.#turn ??= () => this.#deliver()
    this.#owner.scheduler.post(this.#turn)
  }

  #deliver(): void {
    this.#isPosted = false
    let handled = 0
    while (handled < MESSAGES_IN_A_ROW && this.#canDeliver) {
      const letter = this.#letters.shift()
      this.#refill()
      handled += 1
      if (letter) this.#handle(letter)
    }
    if (handled > 1) this.#owner.scheduler.charge?.(handled - 1)
    this.#wake()
  }

  #handle(letter: Letter<Message>): void {
    const { message } = letter
    this.#current = letter
    this.#tracer?.('delivered', letter)
    let result: unknown
    let failed = false
    try {
      const work = this.#workFor(letter)
      result = this.#tracer
        ? asSender(this.#owner.address, () => this.#owner.receive(message, work))
        : this.#owner.receive(message, work)
      if (isThenable(result)) {
        this.#await(letter, result)
        return
      }
    } catch (error) {
      result = error
      failed = true
    }
    this.#settle(letter, result, failed)
  }

  #workFor(letter: Letter<Message>): LazyAbort {
    if (letter.answer === undefined) {
      this.#work ??= new LazyAbort()
      return this.#work
    }
    letter.work = new LazyAbort()
    return letter.work
  }

  #await(letter: Letter<Message>, result: PromiseLike<unknown>): void {
    const settle = (value: unknown, failed: boolean): void => {
      this.#settle(letter, value, failed)
      this.#wake()
    }
    Promise.resolve(result).then(
      value => settle(value, false),
      error => settle(error, true),
    )
  }

  /** The handler is done with a letter. */
  #settle(letter: Letter<Message>, value: unknown, failed: boolean): void {
    const { answer } = letter
    const error = failed ? value : undefined
    const isLate = this.#current !== letter
    if (!isLate) this.#current = undefined
    if (answer === undefined) {
      this.#tracer?.(failed ? 'failed' : 'handled', letter, error)
      if (failed) this.#owner.handlerFailed(value, isLate)
      return
    }
    if (isLate) this.#lateAnswers += 1
    else if (failed) answer.reject(value)
    else answer.resolve(value)
    this.#tracer?.(isLate ? 'late_answer' : failed ? 'failed' : 'answered', letter, error)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
