import { describe, expect, it } from 'vitest'
import { DeadLetters } from '../../src/actors/dead-letters.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { calm, grow, kid } from './tree.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)

describe('messages to a child that is restarted', () => {
  it('wait for the successor and are replayed in order; the failing one never, told or asked', async () => {
    for (const way of ['tell', 'ask'] as const) {
      const child = kid('a', {
        receive: (message, _, self) => {
          if (message === 'poison') self.fail('poisoned')
          return message
        },
      })
      const { root, clock } = await grow([child.spec])
      const ref = root.ref(child.definition, 'a')
      ref.tell('1')
      const poison = way === 'ask' ? caught(ref.ask('poison')) : ref.tell('poison')
      ref.tell('2')
      await clock.settle()
      ref.tell('3')
      if (way === 'ask') expect(await poison).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
      expect(ref.snapshot().mailbox).toBe(2)
      await clock.advance(1_000)
      expect(child.lives.map(({ messages }) => messages)).toEqual([
        ['1', 'poison'],
        ['2', '3'],
      ])
      expect(ref.snapshot().lateAnswers).toBe(way === 'ask' ? 1 : 0)
      await root.close()
    }
  })

  it('wait also through a successor that cannot start, and the failing one is still not replayed', async () => {
    const child = kid('a', {
      receive: (_, __, self) => self.fail('poisoned'),
    })
    const { root, clock } = await grow([child.spec])
    const ref = root.ref(child.definition, 'a')
    ref.tell('poison')
    ref.tell('1')
    child.script.initialize = 'wait'
    await clock.settle()
    await clock.advance(100)
    child.lives[1]?.initialized.reject(new Error('no luck'))
    child.script.initialize = 'at once'
    child.script.receive = message => message
    await clock.advance(1_000)
    expect(child.lives.map(({ messages }) => messages)).toEqual([['poison'], [], ['1']])
    await root.close()
  })

  it('that were asked and are in hand fail at once, long before the successor is there', async () => {
    const child = kid('a', { receive: () => deferred().promise })
    const { root, clock } = await grow([child.spec])
    const ref = root.ref(child.definition, 'a')
    const asked = caught(ref.ask('x'))
    await clock.settle()
    const before = clock.now()
    ref.fail('crash')
    expect(await asked).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    expect(clock.now()).toBe(before)
    await root.close()
  })

  it('because it was DEGRADED for too long fail like those to one that failed, and so it is for its monitors', async () => {
    const child = kid('a', { receive: () => deferred().promise })
    const { root, clock } = await grow([child.spec], {
      policies: { default: { ...calm, degraded: { grace: 1_000, soft: 0 } } },
    })
    const ref = root.ref(child.definition, 'a')
    const asked = caught(ref.ask('x', { timeout: 10_000 }))
    const reasons: string[] = []
    ref.monitor(({ reason, error }) => void reasons.push(`${reason}: ${error?.message}`), {
      of: 'incarnation',
    })
    ref.degrade('slow')
    await clock.advance(3_000)
    expect(ref.incarnation).toBe(2)
    expect(await asked).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      cause: { message: expect.stringContaining('slow') },
    })
    expect(reasons).toEqual([expect.stringMatching(/^failed: .*slow/)])
    await root.close()
  })

  it('by the million: the mailbox stays bounded, each refused one is counted, and the event loop goes on', async () => {
    const deadLetters = new DeadLetters()
    const child = kid('a', {}, { mailbox: 100 })
    const quiet = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    }
    const { root, clock } = await grow([child.spec], {
      deadLetters,
      log: quiet,
      onEvent: () => undefined,
      policies: { default: { ...calm, intensity: { restarts: 50, within: 60_000 } } },
    })
    const ref = root.ref(child.definition, 'a')
    let turns = 0
    let accepted = 0
    for (let batch = 0; batch < 20; batch += 1) {
      ref.fail('crash')
      for (let index = 0; index < 50_000; index += 1) if (ref.tell('x')) accepted += 1
      expect(ref.snapshot().mailbox).toBeLessThanOrEqual(100)
      await turn()
      turns += 1
      await clock.advance(1_000)
    }
    const handled = child.lives.reduce((sum, { messages }) => sum + messages.length, 0)
    expect(accepted).toBe(handled)
    expect(deadLetters.total).toBe(1_000_000 - accepted)
    expect(deadLetters.recent()).toHaveLength(100)
    expect([turns, ref.snapshot().mailbox, ref.state]).toEqual([20, 0, 'READY'])
    await root.close()
  })
})

describe('the dead letters of a tree', () => {
  it('are noted in one place, with the name of whom they were for', async () => {
    const deadLetters = new DeadLetters()
    const [one, two] = [kid('one', {}, { mailbox: { capacity: 1, overflow: 'drop-oldest' } }), kid('two')]
    const { root } = await grow([one.spec, two.spec], { deadLetters })
    const [a, b] = [root.ref(one.definition, 'one'), root.ref(two.definition, 'two')]
    a.tell('1')
    a.tell('2')
    await root.stop('two')
    b.tell('3')
    expect(deadLetters.recent()).toMatchObject([
      { name: 'one', kind: 'scripted', incarnation: 1, reason: 'dropped', message: '"1"' },
      { name: 'two', kind: 'scripted', incarnation: 1, reason: 'closed', message: '"3"' },
    ])
    await root.close()
  })
})

describe('a child of which the spec is replaced', () => {
  it('tells of dead letters in the name of the new one, and has its mailbox', async () => {
    const child = kid('a')
    const { root, events } = await grow([child.spec])
    await root.stop('a')
    const ref = await root.start({ ...child.typed, mailbox: 1 })
    ref.tell('1')
    ref.tell('2')
    expect(events.filter(({ type }) => type === 'dead_letter')).toMatchObject([
      { name: 'a', incarnation: 2, reason: 'mailbox full', count: 1 },
    ])
    await root.close()
  })
})
