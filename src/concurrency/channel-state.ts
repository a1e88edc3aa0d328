import { ExovisorError } from '../errors.ts'
import { type Cancellation, refuseCancelled } from './cancellation.ts'
import { Fifo } from './fifo.ts'
import { WaitQueue } from './wait-queue.ts'

/** What a channel knows of itself. */
export interface ChannelStatistics {
  /** Items that the buffer holds at most. */
  readonly capacity: number
  /** Items in the buffer. */
  readonly buffered: number
  readonly openSenders: number
  readonly openReceivers: number
  /** Sends that wait for a place. */
  readonly waitingSends: number
  /** Receives that wait for an item. */
  readonly waitingReceives: number
}

/** Whoever sends or receives: an open end, for as long as it is not closed. */
export type ChannelEnd = object

interface Sending<T> {
  readonly end: ChannelEnd
  readonly item: T
}

const sent = Promise.resolve()

const endClosed = (): ExovisorError =>
  new ExovisorError('EXO_RESOURCE_CLOSED', 'this end of the channel is closed')

const noReceiver = (): ExovisorError =>
  new ExovisorError(
    'EXO_CHANNEL_CLOSED',
    'all receivers of the channel are closed: nobody would get the item',
  )

const noSender = (): ExovisorError =>
  new ExovisorError('EXO_CHANNEL_CLOSED', 'the channel is empty and all its senders are closed')

/**
 * What the ends of one channel share. Sends wait only while the buffer is full, and receives only while it is empty: so never both, and
 * each item has one place: with its sender, in the buffer, or with its receiver.
 */
export class ChannelState<T> {
  readonly #capacity: number
  readonly #buffer = new Fifo<T>()
  readonly #sends = new WaitQueue<void, Sending<T>>()
  readonly #receives = new WaitQueue<T, ChannelEnd>()
  readonly #senders = new Set<ChannelEnd>()
  readonly #receivers = new Set<ChannelEnd>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get statistics(): ChannelStatistics {
    return {
      capacity: this.#capacity,
      buffered: this.#buffer.size,
      openSenders: this.#senders.size,
      openReceivers: this.#receivers.size,
      waitingSends: this.#sends.size,
      waitingReceives: this.#receives.size,
    }
  }

  openSender(end: ChannelEnd): void {
    this.#senders.add(end)
  }

  openReceiver(end: ChannelEnd): void {
    this.#receivers.add(end)
  }

  /** @throws EXO_RESOURCE_CLOSED */
  refuseClosed(end: ChannelEnd): void {
    if (!this.#senders.has(end) && !this.#receivers.has(end)) throw endClosed()
  }

  // Not async: that would make a second promise of each, and let whoever waits run some microtasks later.
  send(end: ChannelEnd, item: T, cancellation?: Cancellation): Promise<void> {
    try {
      refuseCancelled(cancellation)
      return this.#put(end, item) ? sent : this.#sends.wait({ end, item }, cancellation)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  trySend(end: ChannelEnd, item: T): void {
    if (!this.#put(end, item))
      throw new ExovisorError('EXO_WOULD_BLOCK', `the channel is full: ${this.#buffer.size} items`)
  }

  receive(end: ChannelEnd, cancellation?: Cancellation): Promise<T> {
    try {
      refuseCancelled(cancellation)
      const taken = this.#take(end)
      return taken ? Promise.resolve(taken.value) : this.#receives.wait(end, cancellation)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  tryReceive(end: ChannelEnd): T {
    const taken = this.#take(end)
    if (!taken) throw new ExovisorError('EXO_WOULD_BLOCK', 'the channel is empty')
    return taken.value
  }

  closeSender(end: ChannelEnd): void {
    if (!this.#senders.delete(end)) return
    this.#sends.refuse(endClosed, sending => sending.end === end)
    if (this.#senders.size === 0) this.#receives.refuse(noSender)
  }

  closeReceiver(end: ChannelEnd): void {
    if (!this.#receivers.delete(end)) return
    this.#receives.refuse(endClosed, receiving => receiving === end)
    if (this.#receivers.size > 0) return
    while (this.#buffer.shift());
    this.#sends.refuse(noReceiver)
  }

  /** False: there is no place for it now. */
  #put(end: ChannelEnd, item: T): boolean {
    this.refuseClosed(end)
    if (this.#receivers.size === 0) throw noReceiver()
    if (this.#receives.grant(() => item)) return true
    if (this.#buffer.size >= this.#capacity) return false
    this.#buffer.push(item)
    return true
  }

  /** The oldest item, and its place for the send that has waited longest. */
  #take(end: ChannelEnd): { readonly value: T } | undefined {
    this.refuseClosed(end)
    // In this order a rendezvous needs no rule of its own: its buffer holds an item for the length of this function.
    this.#sends.grant(({ item }) => void this.#buffer.push(item))
    const taken = this.#buffer.shift()
    if (!taken && this.#senders.size === 0) throw noSender()
    return taken
  }
}
