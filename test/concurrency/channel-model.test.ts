import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channel, type Receiver, type Sender } from '../../src/concurrency/channel.ts'
import { Cancellable } from './cancellable.ts'
import { ChannelReference } from './channel-reference.ts'
import { outcome, settled } from './outcome.ts'

const kinds = ['send', 'receive', 'trySend', 'tryReceive', 'cancel', 'clone', 'close', 'tick'] as const

interface Step {
  readonly do: (typeof kinds)[number]
  /** Which end, or which operation for cancel. */
  readonly at: number
  /** For clone and close: of the senders or the receivers. */
  readonly isSender: boolean
}

const weights: Readonly<Partial<Record<Step['do'], number>>> = { send: 5, receive: 5, cancel: 4, clone: 1 }
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(...kinds.map(kind => ({ weight: weights[kind] ?? 2, arbitrary: fc.constant(kind) }))),
  at: fc.nat(30),
  isSender: fc.boolean(),
})

/** One channel and its reference, side by side. */
class Play {
  readonly model: ChannelReference
  readonly senders: Sender<number>[]
  readonly receivers: Receiver<number>[]
  readonly outcomes: { readonly said: string }[] = []
  readonly sources: Cancellable[] = []

  constructor(capacity: number) {
    const { sender, receiver } = channel<number>(capacity)
    this.model = new ChannelReference(capacity)
    this.senders = [sender]
    this.receivers = [receiver]
    this.model.senders = [0]
    this.model.receivers = [0]
  }

  async step(it: Step): Promise<void> {
    if (it.do === 'tick') await Promise.resolve()
    else if (it.do === 'cancel') this.#cancel(it.at)
    else if (it.do === 'clone' || it.do === 'close') this.#ends(it.do, it.isSender, it.at)
    else this.#operate(it.do, it.at)
    this.#compare()
  }

  #operate(kind: 'send' | 'receive' | 'trySend' | 'tryReceive', at: number): void {
    const operation = this.outcomes.length
    const source = new Cancellable()
    this.sources.push(source)
    const isSend = kind === 'send' || kind === 'trySend'
    const end = at % (isSend ? this.senders : this.receivers).length
    const sender = this.senders[end] as Sender<number>
    const receiver = this.receivers[end] as Receiver<number>
    const run: Readonly<Record<typeof kind, () => Promise<unknown>>> = {
      send: () => sender.send(operation, source),
      receive: () => receiver.receive(source),
      trySend: async () => sender.trySend(operation),
      tryReceive: async () => receiver.tryReceive(),
    }
    this.outcomes.push(outcome(run[kind]()))
    this.model[kind](end, operation, operation)
  }

  #cancel(operation: number): void {
    this.model.cancel(operation)
    this.sources[operation]?.cancel()
  }

  #ends(kind: 'clone' | 'close', isSender: boolean, at: number): void {
    const ends: (Sender<number> | Receiver<number>)[] = isSender ? this.senders : this.receivers
    const open = isSender ? this.model.senders : this.model.receivers
    const index = at % ends.length
    if (kind === 'close') {
      ends[index]?.close()
      this.model.close(isSender ? 'sender' : 'receiver', index)
    } else if (open.includes(index)) {
      open.push(ends.push(ends[index]?.clone() as Sender<number> & Receiver<number>) - 1)
    }
  }

  #compare(): void {
    const { capacity, buffer, senders, receivers, sends, receives } = this.model
    const statistics = {
      capacity,
      buffered: buffer.length,
      openSenders: senders.length,
      openReceivers: receivers.length,
      waitingSends: sends.length,
      waitingReceives: receives.length,
    }
    expect(this.senders[0]?.statistics).toEqual(statistics)
  }

  async end(): Promise<void> {
    await settled()
    expect(this.outcomes.map(({ said }) => said)).toEqual(this.model.said)
    for (const [operation, source] of this.sources.entries())
      expect(source.listeners).toBe(this.model.isWaiting(operation) ? 1 : 0)
  }
}

describe('a channel, whoever sends, receives, closes and is cancelled in whatever order,', () => {
  it('loses, doubles and reorders no item, forgets no wake-up and leaves no listener', async () => {
    const play = async (capacity: number, steps: readonly Step[]) => {
      const it = new Play(capacity)
      for (const one of steps) await it.step(one)
      await it.end()
    }
    const capacity = fc.constantFrom(0, 1, 2, 3, Number.POSITIVE_INFINITY)
    const steps = fc.array(step, { maxLength: 60 })
    await fc.assert(fc.asyncProperty(capacity, steps, play), { numRuns: 1_000 })
  })
})
