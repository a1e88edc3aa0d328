import type { DeadLetterReason } from '../../src/actors/dead-letters.ts'
import type { Overflow } from '../../src/actors/mailbox-policy.ts'

/** A message of the model test. Its handler finishes at once, or when it is let go. */
export interface Mail {
  readonly id: number
  readonly by: 'tell' | 'send' | 'ask'
  readonly isHeld: boolean
}

/** What a mailbox does, said as plainly as possible: arrays, and one step at a time. */
export class ReferenceMailbox {
  readonly #capacity: number
  readonly #overflow: Overflow
  queue: Mail[] = []
  outside: Mail[] = []
  inHand: Mail | undefined
  orphans: Mail[] = []
  isOpen = false
  isClosed = false
  isSuspended = false
  lateAnswers = 0
  readonly handled: number[] = []
  readonly dead: [number, DeadLetterReason][] = []
  /** How each send and each ask ended; those that wait have no entry. */
  readonly outcomes = new Map<number, string>()

  constructor(capacity: number, overflow: Overflow) {
    this.#capacity = capacity
    this.#overflow = overflow
  }

  post(mail: Mail): void {
    if (this.isClosed) this.#bury(mail, 'closed', 'EXO_RESOURCE_CLOSED')
    else if (this.queue.length < this.#capacity) this.#enter(mail)
    else if (this.#overflow === 'drop-oldest') {
      const oldest = this.queue.shift()
      this.#enter(mail)
      if (oldest) this.#bury(oldest, 'dropped', 'EXO_MAILBOX_FULL')
    } else if (
      this.#overflow === 'backpressure' &&
      mail.by !== 'tell' &&
      this.outside.length < this.#capacity
    ) {
      this.outside.push(mail)
    } else this.#bury(mail, 'mailbox full', 'EXO_MAILBOX_FULL')
  }

  giveUp(id: number): void {
    if (this.outcomes.has(id)) return
    this.outcomes.set(id, 'EXO_ABORTED')
    this.queue = this.queue.filter(mail => mail.id !== id)
    this.outside = this.outside.filter(mail => mail.id !== id)
    this.#refill()
  }

  pause(code = 'EXO_RESOURCE_FAILED'): void {
    this.isOpen = false
    if (!this.inHand) return
    this.#settle(this.inHand, code)
    this.orphans.push(this.inHand)
    this.inHand = undefined
  }

  close(): void {
    this.pause('EXO_RESOURCE_CLOSED')
    this.isClosed = true
    for (const mail of [...this.queue, ...this.outside]) this.#bury(mail, 'closed', 'EXO_RESOURCE_CLOSED')
    this.queue = []
    this.outside = []
  }

  run(): void {
    while (this.isOpen && !this.isSuspended && !this.inHand) {
      const mail = this.queue.shift()
      if (!mail) return
      this.#refill()
      this.handled.push(mail.id)
      if (mail.isHeld) this.inHand = mail
      else this.#settle(mail, 'answered')
    }
  }

  letGo(id: number): void {
    if (this.inHand?.id === id) {
      this.#settle(this.inHand, 'answered')
      this.inHand = undefined
    }
    if (this.orphans.some(mail => mail.id === id && mail.by === 'ask')) this.lateAnswers += 1
    this.orphans = this.orphans.filter(mail => mail.id !== id)
  }

  #enter(mail: Mail): void {
    this.queue.push(mail)
    if (mail.by === 'send') this.outcomes.set(mail.id, 'entered')
  }

  #refill(): void {
    while (this.queue.length < this.#capacity) {
      const mail = this.outside.shift()
      if (!mail) return
      this.#enter(mail)
    }
  }

  #bury(mail: Mail, reason: DeadLetterReason, code: string): void {
    this.dead.push([mail.id, reason])
    if (mail.by === 'send' && !this.outcomes.has(mail.id)) this.outcomes.set(mail.id, code)
    this.#settle(mail, code)
  }

  #settle({ id, by }: Mail, outcome: string): void {
    if (by === 'ask' && !this.outcomes.has(id)) this.outcomes.set(id, outcome)
  }
}
