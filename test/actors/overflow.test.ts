import { describe, expect, it } from 'vitest'
import type { MailboxPolicy } from '../../src/actors/mailbox-policy.ts'
import { mailboxFault } from '../../src/actors/mailbox-policy.ts'
import { boxed, closed } from './boxed.ts'

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)
const full = { code: 'EXO_MAILBOX_FULL' }

describe('a full mailbox that rejects', () => {
  it('refuses tell, send and ask at once', async () => {
    const { box, dead } = boxed({ policy: { capacity: 1 } })
    expect([box.tell(1), box.tell(2)]).toEqual([true, false])
    await expect(box.send(3)).rejects.toMatchObject(full)
    await expect(box.ask(4)).rejects.toMatchObject({
      ...full,
      message: 'the mailbox of box "a" is full: 1 messages wait',
    })
    expect(dead.map(({ message, reason }) => [message, reason])).toEqual(
      [2, 3, 4].map(message => [message, 'mailbox full']),
    )
  })
})

describe('a full mailbox that drops the oldest', () => {
  const policy: MailboxPolicy = { capacity: 2, overflow: 'drop-oldest' }

  it('takes the new message, and the one that has waited longest is a dead letter', async () => {
    const { box, dead, handled, clock } = boxed({ policy })
    expect([1, 2, 3, 4].map(message => box.tell(message))).toEqual([true, true, true, true])
    await box.send(5)
    expect(dead.map(({ message, reason }) => [message, reason])).toEqual(
      [1, 2, 3].map(message => [message, 'dropped']),
    )
    box.open()
    await clock.settle()
    expect(handled).toEqual([4, 5])
  })

  it('drops nothing for a caller who has given up before', async () => {
    const { box, dead } = boxed({ policy })
    for (const message of [1, 2]) box.tell(message)
    const signal = AbortSignal.abort()
    await expect(box.ask(3, { signal })).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    await expect(box.send(4, { signal })).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect([box.size, dead]).toEqual([2, []])
  })

  it('rejects the ask that was dropped, and leaves no timer of it', async () => {
    const { box, clock } = boxed({ policy })
    const asked = caught(box.ask(1))
    box.tell(2)
    box.tell(3)
    expect(await asked).toMatchObject({
      ...full,
      message:
        'the mailbox of box "a" is full: 2 messages wait; a newer message has taken the place of the oldest',
    })
    expect(clock.pending).toBe(0)
  })
})

describe('a full mailbox with backpressure', () => {
  const policy: MailboxPolicy = { capacity: 2, overflow: 'backpressure' }

  it('refuses a tell, which cannot wait', () => {
    const { box, dead } = boxed({ policy })
    expect([1, 2, 3].map(message => box.tell(message))).toEqual([true, true, false])
    expect(dead).toMatchObject([{ message: 3, reason: 'mailbox full' }])
  })

  it('lets send and ask wait for a place, first come, first served', async () => {
    const { box, handled, clock } = boxed<number>({ policy, receive: message => message })
    const entered: number[] = []
    for (const message of [1, 2, 3]) void box.send(message).then(() => entered.push(message))
    const asked = box.ask(4)
    await clock.settle()
    expect(entered).toEqual([1, 2])
    box.open()
    expect(await asked).toBe(4)
    await clock.settle()
    expect(entered).toEqual([1, 2, 3])
    expect(handled).toEqual([1, 2, 3, 4])
    expect(clock.pending).toBe(0)
  })

  it('lets as many senders wait as it has places, and refuses more', async () => {
    const { box } = boxed({ policy })
    const waiting = [1, 2, 3, 4].map(message => caught(box.send(message)))
    await expect(box.send(5)).rejects.toMatchObject({
      ...full,
      message: 'the mailbox of box "a" is full: 2 messages and 2 senders wait',
    })
    box.close(closed)
    expect(await Promise.all(waiting)).toEqual([undefined, undefined, closed, closed])
    expect(box.deadLetters).toBe(5)
  })

  it('forgets a sender who gives up, by his signal or his timeout, and loses no place by it', async () => {
    const { box, handled, clock, dead } = boxed({ policy })
    box.tell(1)
    box.tell(2)
    const controller = new AbortController()
    const aborted = caught(box.send(3, { signal: controller.signal }))
    const timedOut = caught(box.send(4, { timeout: 10 }))
    controller.abort(new Error('enough'))
    const last = box.send(5)
    await clock.advance(10)
    expect(await aborted).toMatchObject({ code: 'EXO_ABORTED', cause: { message: 'enough' } })
    expect(await timedOut).toMatchObject({
      ...full,
      message: 'the mailbox of box "a" had no place within 10 ms',
    })
    box.open()
    await last
    await clock.settle()
    expect(handled).toEqual([1, 2, 5])
    expect(dead).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('gives the place of an ask that gave up to the first who waits', async () => {
    const { box, clock } = boxed({ policy })
    const asked = caught(box.ask(1, { timeout: 10 }))
    box.tell(2)
    let isIn = false
    void box.send(3).then(() => {
      isIn = true
    })
    await clock.advance(10)
    expect(await asked).toMatchObject({ code: 'EXO_ASK_TIMEOUT' })
    expect([isIn, box.size]).toEqual([true, 2])
  })

  it('lets an ask that waits for a place time out too', async () => {
    const { box, clock } = boxed({ policy })
    box.tell(1)
    box.tell(2)
    const asked = caught(box.ask(3, { timeout: 10 }))
    await clock.advance(10)
    expect(await asked).toMatchObject({ code: 'EXO_ASK_TIMEOUT' })
  })
})

describe('another policy in the middle of it', () => {
  it('lets waiting senders in when there is more room, and refuses them when nobody may wait any more', async () => {
    const { box, dead } = boxed({ policy: { capacity: 1, overflow: 'backpressure' } })
    box.tell(1)
    const second = box.send(2)
    box.policy = { capacity: 2, overflow: 'backpressure' }
    await second
    const third = caught(box.send(3))
    box.policy = { capacity: 1, overflow: 'reject' }
    expect(await third).toMatchObject(full)
    expect(dead).toMatchObject([{ message: 3 }])
    expect(box.size).toBe(2)
  })
})

describe('a mailbox setting', () => {
  it.each([
    [0, 'a whole number from 1 to 1000000'],
    [1.5, 'a whole number from 1 to 1000000'],
    ['7', 'a whole number from 1 to 1000000'],
    [null, 'a whole number from 1 to 1000000'],
    [{ capacity: 1_000_001 }, 'a capacity that is a whole number from 1 to 1000000'],
    [{ overflow: 'drop' }, 'an overflow that is reject or drop-oldest or backpressure'],
  ])('%j is refused: expected %s', (value, expected) => {
    expect(mailboxFault(value)).toBe(expected)
    expect(() => boxed({ policy: value as never })).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: expect.stringContaining('the mailbox of box "a" is '),
      }),
    )
  })

  it.each([1, 1_000_000, {}, { capacity: 5 }, { overflow: 'backpressure' }])('%j is taken', value => {
    expect(mailboxFault(value)).toBeUndefined()
  })
})
