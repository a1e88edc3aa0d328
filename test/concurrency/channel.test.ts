import { describe, expect, it } from 'vitest'
import { type ChannelStatistics, channel, type Receiver } from '../../src/concurrency/channel.ts'
import { aborted, codeOf, listeners, outcome, settled } from './outcome.ts'

/** What there is, without a wait. */
function drain<T>(receiver: Receiver<T>): T[] {
  const items: T[] = []
  while (codeOf(() => items.push(receiver.tryReceive())) === 'nothing thrown');
  return items
}

describe('a channel', () => {
  it('gives items in the order in which they were sent, undefined included', async () => {
    const { sender, receiver } = channel<number | undefined>(3)
    for (const item of [1, undefined, 3]) await sender.send(item)
    expect([await receiver.receive(), await receiver.receive(), await receiver.receive()]).toEqual([
      1,
      undefined,
      3,
    ])
  })

  it('of capacity 0 is a rendezvous: a send waits until its item is received', async () => {
    const { sender, receiver } = channel<string>(0)
    const sending = outcome(sender.send('a'))
    await settled()
    expect(sending.said).toBe('waits')
    expect(receiver.tryReceive()).toBe('a')
    await settled()
    expect(sending.said).toBe('done')
    const receiving = outcome(receiver.receive())
    await settled()
    sender.trySend('b')
    await settled()
    expect(receiving.said).toBe('gave b')
    expect(receiver.statistics.buffered).toBe(0)
  })

  it('makes a send wait while it is full, and lets waiting sends in first come, first served', async () => {
    const { sender, receiver } = channel<number>(2)
    const sends = [1, 2, 3, 4].map(item => outcome(sender.send(item)))
    await settled()
    expect(sends.map(({ said }) => said)).toEqual(['done', 'done', 'waits', 'waits'])
    expect(await receiver.receive()).toBe(1)
    await settled()
    expect(sends.map(({ said }) => said)).toEqual(['done', 'done', 'done', 'waits'])
    expect(drain(receiver)).toEqual([2, 3, 4])
    await settled()
    expect(sends[3]?.said).toBe('done')
  })

  it('of an infinite capacity never makes a send wait', () => {
    const { sender, receiver } = channel<number>(Number.POSITIVE_INFINITY)
    for (let item = 0; item < 5_000; item += 1) sender.trySend(item)
    expect(drain(receiver)).toHaveLength(5_000)
  })

  it('throws instead of waiting in the variants that never wait', () => {
    const { sender, receiver } = channel<number>(1)
    expect(() => receiver.tryReceive()).toThrow('the channel is empty')
    expect(codeOf(() => receiver.tryReceive())).toBe('EXO_WOULD_BLOCK')
    sender.trySend(1)
    expect(() => sender.trySend(2)).toThrow('the channel is full: 1 items')
    expect(codeOf(() => sender.trySend(2))).toBe('EXO_WOULD_BLOCK')
    expect(drain(receiver)).toEqual([1])
    expect(codeOf(() => channel(0).sender.trySend(1))).toBe('EXO_WOULD_BLOCK')
  })

  it('gives each item to exactly one receiver, first come, first served', async () => {
    const { sender, receiver } = channel<string>(0)
    const other = receiver.clone()
    const receives = [outcome(receiver.receive()), outcome(other.receive()), outcome(receiver.receive())]
    for (const item of ['a', 'b']) await sender.send(item)
    await settled()
    expect(receives.map(({ said }) => said)).toEqual(['gave a', 'gave b', 'waits'])
  })

  it('ends for its receivers when all senders are closed and nothing is left', async () => {
    const { sender, receiver } = channel<number>(2)
    const other = sender.clone()
    await sender.send(1)
    await other.send(2)
    sender.close()
    expect(receiver.tryReceive()).toBe(1)
    other.close()
    expect(await receiver.receive()).toBe(2)
    await expect(receiver.receive()).rejects.toThrow('the channel is empty and all its senders are closed')
    expect(codeOf(() => receiver.tryReceive())).toBe('EXO_CHANNEL_CLOSED')
  })

  it('wakes the receives that wait when the last sender closes, and not before', async () => {
    const { sender, receiver } = channel<number>(2)
    const other = sender.clone()
    const receives = [outcome(receiver.receive()), outcome(receiver.clone().receive())]
    sender.close()
    sender.close()
    await settled()
    expect(receives.map(({ said }) => said)).toEqual(['waits', 'waits'])
    other.close()
    await settled()
    expect(receives.map(({ said }) => said)).toEqual(['EXO_CHANNEL_CLOSED', 'EXO_CHANNEL_CLOSED'])
  })

  it('fails its senders when all receivers are closed, those that wait included', async () => {
    const { sender, receiver } = channel<number>(1)
    const other = receiver.clone()
    await sender.send(1)
    const waiting = outcome(sender.send(2))
    receiver.close()
    receiver.close()
    await settled()
    expect(waiting.said).toBe('waits')
    expect(sender.statistics.buffered).toBe(1)
    other.close()
    await settled()
    expect(waiting.said).toBe('EXO_CHANNEL_CLOSED')
    await expect(sender.send(3)).rejects.toThrow('all receivers of the channel are closed')
    expect(codeOf(() => sender.trySend(3))).toBe('EXO_CHANNEL_CLOSED')
    expect(sender.statistics).toMatchObject({ buffered: 0, waitingSends: 0 })
  })

  it('refuses the use of a closed end, and ends the waits at that end only', async () => {
    const { sender, receiver } = channel<number>(0)
    const otherSender = sender.clone()
    const sends = [outcome(sender.send(1)), outcome(otherSender.send(2))]
    sender.close()
    await settled()
    expect(sends.map(({ said }) => said)).toEqual(['EXO_RESOURCE_CLOSED', 'waits'])
    await expect(sender.send(3)).rejects.toThrow('this end of the channel is closed')
    expect(codeOf(() => sender.trySend(3))).toBe('EXO_RESOURCE_CLOSED')
    expect(codeOf(() => sender.clone())).toBe('EXO_RESOURCE_CLOSED')
    expect(drain(receiver)).toEqual([2])

    const otherReceiver = receiver.clone()
    const receives = [outcome(receiver.receive()), outcome(otherReceiver.receive())]
    receiver.close()
    await settled()
    expect(receives.map(({ said }) => said)).toEqual(['EXO_RESOURCE_CLOSED', 'waits'])
    await expect(receiver.receive()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(codeOf(() => receiver.tryReceive())).toBe('EXO_RESOURCE_CLOSED')
    expect(codeOf(() => receiver.clone())).toBe('EXO_RESOURCE_CLOSED')
  })

  it('closes its ends with using', () => {
    const { sender, receiver } = channel<number>(1)
    {
      using _sender = sender.clone()
      using _receiver = receiver.clone()
      expect(sender.statistics).toMatchObject({ openSenders: 2, openReceivers: 2 })
    }
    expect(sender.statistics).toMatchObject({ openSenders: 1, openReceivers: 1 })
  })

  it('tells what is in it and who waits', async () => {
    const { sender, receiver } = channel<number>(1)
    receiver.clone()
    outcome(sender.send(1))
    outcome(sender.send(2))
    outcome(sender.clone().send(3))
    const full: ChannelStatistics = {
      capacity: 1,
      buffered: 1,
      openSenders: 2,
      openReceivers: 2,
      waitingSends: 2,
      waitingReceives: 0,
    }
    expect(sender.statistics).toEqual(full)
    expect(receiver.statistics).toEqual(full)
    drain(receiver)
    outcome(receiver.receive())
    expect(receiver.statistics).toMatchObject({ buffered: 0, waitingSends: 0, waitingReceives: 1 })
  })

  it('takes a whole or infinite capacity only', () => {
    for (const capacity of [-1, 0.5, Number.NaN])
      expect(() => channel(capacity)).toThrow(
        `the capacity of a channel is ${capacity}, expected a whole number from 0`,
      )
    expect(codeOf(() => channel(-1))).toBe('EXO_OPTION_INVALID')
  })
})

describe('a cancelled', () => {
  it('send has sent nothing', async () => {
    const { sender, receiver } = channel<number>(1)
    await sender.send(1)
    const abort = new AbortController()
    const sends = [outcome(sender.send(2, abort.signal)), outcome(sender.send(3))]
    abort.abort()
    await settled()
    expect(sends.map(({ said }) => said)).toEqual(['EXO_ABORTED', 'waits'])
    expect(drain(receiver)).toEqual([1, 3])
  })

  it('receive has taken nothing', async () => {
    const { sender, receiver } = channel<number>(0)
    const abort = new AbortController()
    const receives = [outcome(receiver.receive(abort.signal)), outcome(receiver.receive())]
    abort.abort()
    sender.trySend(1)
    await settled()
    expect(receives.map(({ said }) => said)).toEqual(['EXO_ABORTED', 'gave 1'])
    expect(codeOf(() => sender.trySend(2))).toBe('EXO_WOULD_BLOCK')
  })

  it('receive gives the item that it had got before', async () => {
    const { sender, receiver } = channel<number>(0)
    const abort = new AbortController()
    const receiving = outcome(receiver.receive(abort.signal))
    sender.trySend(1)
    abort.abort()
    await settled()
    expect(receiving.said).toBe('gave 1')
    expect(listeners(abort.signal)).toBe(0)
  })

  it('caller is refused also when there is an item, or a place', async () => {
    const { sender, receiver } = channel<number>(2)
    await expect(sender.send(1, aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    await sender.send(2)
    await expect(receiver.receive(aborted())).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(drain(receiver)).toEqual([2])
  })

  it('or finished wait leaves no listener, a close of the other side included', async () => {
    const { signal } = new AbortController()
    const first = channel<number>(0)
    outcome(first.sender.send(1, signal))
    const second = channel<number>(0)
    outcome(second.receiver.receive(signal))
    const third = channel<number>(0)
    outcome(third.sender.send(1, signal))
    expect(listeners(signal)).toBe(3)
    first.receiver.close()
    second.sender.close()
    drain(third.receiver)
    expect(listeners(signal)).toBe(0)
    await settled()
  })
})

describe('the items of a receiver', () => {
  it('are iterated until all senders are closed', async () => {
    const { sender, receiver } = channel<number>(1)
    const seen: number[] = []
    const reading = (async () => {
      for await (const item of receiver) seen.push(item)
    })()
    for (const item of [1, 2, 3]) await sender.send(item)
    sender.close()
    await reading
    expect(seen).toEqual([1, 2, 3])
  })

  it('stay in the channel when the loop is left', async () => {
    const { sender, receiver } = channel<number>(3)
    for (const item of [1, 2, 3]) await sender.send(item)
    for await (const item of receiver) if (item === 2) break
    expect(await receiver.receive()).toBe(3)
  })

  it('can be iterated under a cancellation, which ends the loop with its error', async () => {
    const { receiver } = channel<number>(3)
    const abort = new AbortController()
    const loop = async () => {
      for await (const _ of receiver.items(abort.signal));
    }
    const looping = outcome(loop())
    await settled()
    abort.abort()
    await settled()
    expect(looping.said).toBe('EXO_ABORTED')
  })

  it('are refused at a closed receiver instead of seeming to be over', async () => {
    const { receiver } = channel<number>(3)
    receiver.close()
    const loop = async () => {
      for await (const _ of receiver);
    }
    await expect(loop()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })
})
