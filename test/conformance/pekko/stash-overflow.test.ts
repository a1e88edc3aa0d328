import { describe, expect, it } from 'vitest'
import { DeadLetters } from '../../../src/actors/dead-letters.ts'
import { backoff, world } from './world.ts'

const patient = backoff(1_000, 1_000)

describe('messages to an actor that is being restarted, beyond the capacity of its mailbox,', () => {
  it('T41 are published with the message itself, its actor and the reason, and counted by reason', async () => {
    const { actor, grow, crash, clock } = world()
    const deadLetters = new DeadLetters()
    const dropped: object[] = []
    deadLetters.subscribe(({ message, name, reason }) => void dropped.push({ message, name, reason }))
    const child = actor('a', {}, { policy: patient, mailbox: 2 })
    const root = await grow([child], { deadLetters })
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    for (const n of [1, 2, 3, 4] as const) ref.tell(`ping ${n}`)
    const reason = 'mailbox full'
    expect(dropped).toEqual([
      { message: 'ping 3', name: 'a', reason },
      { message: 'ping 4', name: 'a', reason },
    ])
    await clock.advance(1_000)
    expect([deadLetters.total, deadLetters.counts[reason]]).toEqual([2, 2])
    await root.close()
  })

  it('T41 may push out the oldest instead, which becomes the dead letter', async () => {
    const { actor, grow, crash, clock, told } = world()
    const child = actor('a', {}, { policy: patient, mailbox: { capacity: 2, overflow: 'drop-oldest' } })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    const sent = ([1, 2, 3, 4] as const).map(n => ref.tell(`ping ${n}`))
    await clock.advance(1_000)
    expect([sent, told().slice(-2), ref.snapshot().deadLetters]).toEqual([
      [true, true, true, true],
      ['a pong 3', 'a pong 4'],
      2,
    ])
    await root.close()
  })

  it('T41 may hold up their senders instead: nothing is dropped, and each goes on when its message has a place', async () => {
    const { actor, grow, crash, clock, told } = world()
    const child = actor('a', {}, { policy: patient, mailbox: { capacity: 2, overflow: 'backpressure' } })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    told()
    const placed: number[] = []
    for (const n of [1, 2, 3, 4] as const) void ref.send(`ping ${n}`).then(() => placed.push(n))
    await clock.settle()
    expect(placed).toEqual([1, 2])
    await expect(ref.send('ping 5')).rejects.toMatchObject({ code: 'EXO_MAILBOX_FULL' })
    await clock.advance(1_000)
    expect(placed).toEqual([1, 2, 3, 4])
    expect(told()).toEqual(['a starts', 'a pong 1', 'a pong 2', 'a pong 3', 'a pong 4'])
    await root.close()
  })
})
