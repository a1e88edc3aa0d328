import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { backoffDelay } from '../../../src/supervision/backoff.ts'
import type { PolicyInput, RestartType } from '../../../src/supervision/policy.ts'
import { type Behaviour, backoff, gaveUp, world } from './world.ts'

const DAY = 86_400_000

async function child(policy: PolicyInput, restart: RestartType = 'permanent', behaviour: Behaviour = {}) {
  const stage = world()
  const actor = stage.actor('a', behaviour, { policy, restart })
  const root = await stage.grow([actor])
  const ref = root.ref(actor.definition, 'a')
  const crash = () => stage.crash(root, actor)
  const end = async () => {
    ref.tell('end')
    await stage.clock.advance(0)
  }
  return { ...stage, actor, root, ref, crash, end }
}

describe('a backoff supervisor', () => {
  it('B1 starts a child again that ended by itself, after the delay', async () => {
    const { root, ref, end, clock } = await child(backoff(100, 1_000))
    await end()
    expect(ref.state).toBe('CLOSED')
    await clock.advance(100)
    expect([ref.state, ref.incarnation]).toEqual(['READY', 2])
    await root.close()
  })

  it('B2 needs no forwarding: the ref reaches each incarnation', async () => {
    const { root, ref, crash, clock } = await child(backoff(100, 1_000))
    expect(await ref.ask('ping 1')).toBe('pong 1')
    await crash()
    await clock.advance(100)
    expect(await ref.ask('ping 2')).toBe('pong 2')
    await root.close()
  })

  it('B4 counts an end as well as a failure as a restart in a row', async () => {
    const { root, crash, end, clock } = await child(backoff(100, 1_000))
    const attempt = () => root.children()[0]?.attempt
    expect(attempt()).toBe(0)
    await end()
    await clock.advance(100)
    expect(attempt()).toBe(1)
    await crash()
    expect([attempt(), root.children()[0]?.nextAttemptAt]).toEqual([2, 100 + 200])
    await root.close()
  })

  it('B5 forgets its count at a restart by hand, which waits for nothing and spends nothing', async () => {
    const { root, crash, clock } = await child(backoff(100, 1_000, 60_000))
    await crash()
    await clock.advance(100)
    await crash()
    expect(root.children()[0]?.attempt).toBe(2)
    await root.restart('a')
    expect(root.children()[0]).toMatchObject({ state: 'READY', attempt: 0, window: { used: 2 } })
    await crash()
    expect(root.children()[0]?.nextAttemptAt).toBe(clock.now() + 100)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('B6 does not answer for a child that is down: the caller who waits no longer gets an error, and the message is not handled later', async () => {
    const { root, ref, crash, clock, told } = await child(backoff(100_000, 300_000))
    await crash()
    const asked = ref.ask('ping 1', { timeout: 500 }).catch((error: unknown) => error)
    const ready = ref.ready({ timeout: 500 }).catch((error: unknown) => error)
    await clock.advance(500)
    expect(await asked).toMatchObject({ code: 'EXO_ASK_TIMEOUT' })
    expect(await ready).toMatchObject({ code: 'EXO_READY_TIMEOUT', details: { state: 'CLOSED' } })
    await clock.advance(100_000)
    expect(told()).toEqual(['a starts', 'a stopped', 'a starts'])
    await root.close()
  })

  it('B8 keeps what is sent to a child that is down, where Pekko makes dead letters of it', async () => {
    const { root, ref, crash, clock, told } = await child(backoff(100_000, 300_000))
    await crash()
    expect(ref.tell('ping 1')).toBe(true)
    await clock.advance(99_999)
    expect([ref.snapshot().mailbox, ref.snapshot().deadLetters]).toEqual([1, 0])
    await clock.advance(1)
    expect(told().at(-1)).toBe('a pong 1')
    await root.close()
  })

  it.each([
    [0, 0, 0, 0],
    [0, 300_000, 420_000, 300_000],
    [2, 5_000, 7_000, 7_000],
    [2, 5_000, 7 * DAY, 20_000],
    [29, 300_000, 600_000, 600_000],
    [29, 10_000 * DAY, 10_000 * DAY, 10_000 * DAY],
    [2 ** 31 - 1, 10_000 * DAY, 10_000 * DAY, 10_000 * DAY],
    [2 ** 31 - 1, 0, 10_000 * DAY, 0],
  ])(
    'B9 waits, at attempt %i with %i ms at first and %i ms at most, %i ms',
    (attempt, initial, max, expected) => {
      for (const jitter of ['none', 'full', 'equal'] as const) {
        const policy = { initial, factor: 2, max, jitter, resetAfter: 0 }
        const delay = backoffDelay(policy, attempt, () => 1 - Number.EPSILON, 0)
        expect(delay).toBeGreaterThanOrEqual(jitter === 'none' ? expected : 0)
        expect(delay).toBeLessThanOrEqual(expected)
      }
    },
  )

  for (const [id, how] of [
    ['B10', 'end'],
    ['B11', 'crash'],
  ] as const) {
    it(`${id} gives up at the third ${how} when two restarts are the limit, and whoever waits is told`, async () => {
      const policy = { ...backoff(100, 1_000), intensity: { restarts: 2, within: 60_000 } }
      const { root, ref, clock, ...ways } = await child(policy)
      for (const delay of [100, 200]) {
        await ways[how]()
        await clock.advance(delay)
      }
      expect([ref.state, ref.incarnation]).toEqual(['READY', 3])
      await ways[how]()
      expect(await root.closed).toMatchObject(gaveUp)
      await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
      expect(clock.pending).toBe(0)
    })
  }

  it('B12 starts a transient child no more once it has said that its work is done', async () => {
    const { root, ref, end, clock } = await child(backoff(100, 1_000), 'transient')
    await end()
    await clock.advance(1_000_000)
    expect([ref.state, ref.incarnation, root.state]).toEqual(['CLOSED', 1, 'READY'])
    expect(ref.tell('ping 1')).toBe(false)
    await root.close()
  })

  it('B13 starts a transient child again that failed before it said so', async () => {
    const { root, ref, crash, end, clock } = await child(backoff(100, 1_000), 'transient')
    await crash()
    await clock.advance(100)
    expect(ref.incarnation).toBe(2)
    await end()
    await clock.advance(1_000_000)
    expect(ref.incarnation).toBe(2)
    await root.close()
  })
})

describe('a backoff on failure', () => {
  it('O2 doubles its delay from restart to restart, and there is one child at any time', async () => {
    const { root, ref, crash, clock, told } = await child(backoff(200, 10_000, 60_000))
    for (const [round, delay] of [200, 400, 800, 1_600].entries()) {
      await crash()
      await clock.advance(delay - 1)
      expect(ref.incarnation).toBe(round + 1)
      await clock.advance(1)
      expect(ref.incarnation).toBe(round + 2)
    }
    told()
    await root.close()
    expect(told()).toEqual(['a stopped'])
  })

  it('O4 lets a child speak to whoever its input names', async () => {
    const { actor, grow, clock } = world()
    const heard: unknown[] = []
    const boss = actor('boss', { receive: (_, message) => heard.push(message) })
    const root = await grow([boss])
    const toBoss = root.ref(boss.definition, 'boss')
    const worker = actor('worker', { receive: (_, message) => toBoss.tell({ forwarded: message }) })
    const ref = await root.start(worker.typed)
    ref.tell({ hello: 1 })
    await clock.settle()
    expect(heard).toEqual([{ forwarded: { hello: 1 } }])
    await root.close()
  })

  it('O5 answers and takes commands while a child takes its time to end', async () => {
    const gate = deferred<void>()
    const { root, ref, crash, clock, actor } = await child(backoff(1, 1), 'permanent', {
      stop: () => gate.promise,
    })
    await crash()
    await clock.advance(100)
    expect(root.children()).toMatchObject([{ id: 'a', state: 'CLOSING', incarnation: 1, attempt: 0 }])
    const restarting = root.restart('a')
    gate.resolve()
    await restarting
    expect([ref.incarnation, actor.lives.length]).toEqual([2, 2])
    await root.close()
  })

  it('O6 ends with its limit of restarts, whatever the delays', async () => {
    const policy = { ...backoff(200, 10_000), intensity: { restarts: 5, within: 60_000 } }
    const { root, crash, clock, actor } = await child(policy)
    for (let crashes = 0; crashes < 6; crashes += 1) {
      await crash()
      await clock.advance(6_400)
    }
    expect(await root.closed).toMatchObject(gaveUp)
    expect(actor.lives).toHaveLength(6)
  })

  it('O7 counts within its window only', async () => {
    const policy = { ...backoff(300, 300), intensity: { restarts: 3, within: 1_000 } }
    const { root, ref, crash, clock } = await child(policy)
    const cycle = async () => {
      await crash()
      await clock.advance(300)
    }
    for (let round = 0; round < 3; round += 1) await cycle()
    await clock.advance(1_000)
    for (let round = 0; round < 3; round += 1) await cycle()
    expect([ref.state, ref.incarnation]).toEqual(['READY', 7])
    await crash()
    expect(await root.closed).toMatchObject(gaveUp)
  })

  it('O8 with a window so short that its own delays keep the limit from being reached is refused, where Pekko restarts for ever', async () => {
    const { actor, grow } = world()
    const policy = { ...backoff(100, 800), intensity: { restarts: 3, within: 10 } }
    const root = await grow()
    await expect(root.start(actor('a', {}, { policy }).typed)).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringContaining('may never be reached'),
    })
    await root.close()
  })
})
