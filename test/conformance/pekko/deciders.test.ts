import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../../src/errors.ts'
import type { Policy } from '../../../src/supervision/policy.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import { atOnce, backoff, Exc1, Exc2, Exc3, gaveUp, incarnations, type Life, sub, world } from './world.ts'

type Table = Policy['decide']
const stopped = { a: 'CLOSED' }

/** A child under a table, with its state raised to 1. */
async function decided(decide: Table, more: object = {}, options: object = {}) {
  const stage = world()
  const child = stage.actor('a', {}, { policy: { decide, ...more } })
  const root = await stage.grow([child], options)
  const ref = root.ref(child.definition, 'a')
  await ref.ask('increment')
  const fail = async (error: Error) => {
    await stage.crash(root, child, error)
    await stage.clock.advance(0)
  }
  return { ...stage, child, root, ref, fail }
}

describe('a decider', () => {
  it('T3 stops a child for a class that no entry but `*` names; its supervisor lives on', async () => {
    const { root, ref, fail } = await decided({ Exc1: 'restart', '*': 'stop' })
    await fail(new Exc1())
    expect([incarnations(root), await ref.ask('state')]).toEqual([{ a: 2 }, 0])
    await fail(new Exc3('unhandled'))
    expect([incarnations(root), root.state]).toEqual([stopped, 'READY'])
    await expect(ref.ready()).rejects.toMatchObject({ message: expect.stringContaining('unhandled') })
    expect(ref.tell('ping 1')).toBe(false)
    await root.close()
  })

  for (const [id, how, decide, options] of [
    ['T6', 'laid over the table of its supervisor', { Exc2: 'resume' }, { Exc3: 'restart', '*': 'stop' }],
    ['T7', 'in one table', { Exc2: 'resume', Exc3: 'restart', '*': 'stop' }, {}],
  ] as const) {
    it(`${id} resumes at one class, restarts at another and stops at the rest (${how})`, async () => {
      const policies = { default: { ...atOnce, decide: options } }
      const { root, ref, fail } = await decided(decide, {}, { policies })
      await fail(new Exc2())
      expect([await ref.ask('state'), ref.incarnation]).toEqual([1, 1])
      await fail(new Exc3())
      expect([await ref.ask('state'), ref.incarnation]).toEqual([0, 2])
      await fail(new Exc1())
      expect(incarnations(root)).toEqual(stopped)
      await root.close()
    })
  }

  it('T8 never restarts for what no restart cures: a permanent child takes its supervisor with it, at the first time', async () => {
    const { root, fail, child } = await decided({})
    await fail(new ExovisorError('EXO_CONFIG_INVALID', 'a wrong field'))
    const { reason, error } = await root.closed
    expect([reason, child.lives.length]).toEqual(['failed', 1])
    expect(JSON.stringify([error, error?.cause, (error?.cause as Error)?.message])).toContain('a wrong field')
  })

  for (const [id, decide] of [
    ['T17', { Exc2: 'stop', Exc1: 'restart' }],
    ['T18', { Exc1: 'restart', Exc2: 'stop' }],
  ] as const) {
    it(`${id} lets the entry of the special class win over that of the class it extends, whichever stands first (${Object.keys(decide).join(', ')})`, async () => {
      const { root, ref, fail } = await decided(decide)
      await fail(new Exc1())
      expect(ref.incarnation).toBe(2)
      await fail(new Exc2())
      expect(incarnations(root)).toEqual(stopped)
      await root.close()
    })
  }

  it('T20 has one backoff for all classes that restart: it goes on from one to the other (in Pekko each strategy has its own)', async () => {
    const { root, ref, fail, clock } = await decided(
      { Exc1: 'restart', Exc3: 'restart', '*': 'stop' },
      backoff(10, 1_000),
    )
    await fail(new Exc1())
    await clock.advance(10)
    expect(ref.incarnation).toBe(2)
    await fail(new Exc3())
    await clock.advance(19)
    expect(ref.incarnation).toBe(2)
    await clock.advance(1)
    expect(ref.incarnation).toBe(3)
    await root.close()
  })

  it('T22 has one limit for all classes that restart', async () => {
    const { root, fail } = await decided(
      { Exc1: 'restart', Exc3: 'restart' },
      { intensity: { restarts: 2, within: 1_000 } },
    )
    await fail(new Exc1())
    await fail(new Exc3())
    expect(incarnations(root)).toEqual({ a: 3 })
    await fail(new Exc1())
    expect(await root.closed).toMatchObject(gaveUp)
  })

  for (const [id, inner, outer] of [
    ['T19', backoff(10, 10), atOnce],
    ['T21', atOnce, backoff(10, 10)],
  ] as const) {
    const [first, second] = id === 'T19' ? ['after its backoff', 'at once'] : ['at once', 'after its backoff']
    it(`${id} restarts the child ${first} for one class and hands the other to the supervisor, which is restarted ${second}`, async () => {
      const { actor, grow, crash, clock } = world()
      const decide = { Exc1: 'restart', Exc3: 'escalate' } as const
      const child = actor('a', {}, { policy: { ...inner, decide } })
      const root = await grow([sub('tree', [child], { policy: outer })])
      const tree = root.ref(supervisorResource, 'tree')
      const wait = async (policy: typeof inner) => {
        if (policy === atOnce) return
        await clock.advance(9)
        expect(child.lives).toHaveLength(before)
        await clock.advance(1)
      }
      let before = child.lives.length
      await crash(await tree.ready(), child, new Exc1())
      await wait(inner)
      expect([child.lives.length, tree.incarnation]).toEqual([2, 1])
      before = child.lives.length
      await crash(await tree.ready(), child, new Exc3())
      await wait(outer)
      expect([child.lives.length, tree.incarnation]).toEqual([3, 2])
      expect(root.state).toBe('READY')
      await root.close()
    })
  }

  it('B3 may be one of one’s own for each child: the same failure stops the one and restarts the other', async () => {
    const { actor, grow, crash, clock } = world()
    const stopping = actor('stopping', {}, { policy: { ...backoff(10, 10), decide: { Exc1: 'stop' } } })
    const restarting = actor(
      'restarting',
      {},
      { policy: { ...backoff(10, 10), decide: { Exc1: 'restart' } } },
    )
    const root = await grow([stopping, restarting])
    await crash(root, stopping)
    await crash(root, restarting)
    await clock.advance(10)
    expect(incarnations(root)).toEqual({ stopping: 'CLOSED', restarting: 2 })
    await root.close()
  })

  it('O3 ends the supervisor for a class that escalates, without a restart before', async () => {
    const { root, fail, child, clock } = await decided(
      { Exc3: 'escalate', '*': 'restart' },
      backoff(200, 10_000),
    )
    await fail(new Exc3('stopping'))
    const { reason, error } = await root.closed
    expect([reason, error?.message, child.lives.length]).toEqual([
      'failed',
      expect.stringContaining('stopping'),
      1,
    ])
    expect(clock.pending).toBe(0)
  })
})

describe('a decider, when a handler throws,', () => {
  /** Lets the handler throw at a message that was only told. */
  async function thrower(decide: Table, options: object = {}) {
    const stage = await decided(decide, {}, options)
    const boom = async (error: Error) => {
      stage.ref.tell(error)
      await stage.clock.advance(0)
    }
    return { ...stage, boom }
  }

  it('T24 stops the child for a class that is not handled, after the restart for one that is', async () => {
    const { root, ref, boom } = await thrower({ Exc1: 'restart', '*': 'stop' })
    await boom(new Exc2())
    expect([await ref.ask('state'), ref.incarnation]).toEqual([0, 2])
    await boom(new Exc3())
    expect([incarnations(root), root.state]).toEqual([stopped, 'READY'])
    await root.close()
  })

  it('T40 resumes, restarts or stops by the class that was thrown', async () => {
    const { root, ref, boom, told } = await thrower({ Exc2: 'resume', Exc3: 'restart', '*': 'stop' })
    await boom(new Exc2())
    expect([await ref.ask('state'), ref.incarnation]).toEqual([1, 1])
    await boom(new Exc3())
    expect([await ref.ask('state'), ref.incarnation]).toEqual([0, 2])
    await boom(new Exc1())
    expect(incarnations(root)).toEqual(stopped)
    expect(told()).toEqual(['a starts', 'a stopped', 'a starts', 'a stopped'])
    await root.close()
  })

  for (const [id, how, decide, outer] of [
    ['T75', 'laid over the table of its supervisor', { Exc2: 'stop' }, { Exc1: 'restart' }],
    ['T76', 'in one table', { Exc1: 'restart', Exc2: 'stop' }, {}],
  ] as const) {
    it(`${id} goes by the special class also for a message that the actor sent to itself (${how})`, async () => {
      const { actor, grow, clock, told } = world()
      const child = actor('a', { receive: () => void ref.tell(new Exc2('boom')) }, { policy: { decide } })
      const root = await grow([child], { policies: { default: { ...atOnce, decide: outer } } })
      const ref = root.ref(child.definition, 'a')
      ref.tell({ adapt: 'and fail' })
      await clock.advance(0)
      expect([incarnations(root), told()]).toEqual([stopped, ['a starts', 'a stopped']])
      await root.close()
    })
  }
})

describe('a decider, when a start fails during a restart,', () => {
  /** Its second start throws, with a class that the first failure did not have. */
  const failingStart = ({ number }: Life) => {
    if (number === 2) throw new Exc3('in setup')
  }

  for (const [id, how, policy] of [
    ['T49', 'without a limit', atOnce],
    ['T53', 'with backoff', backoff(100, 1_000)],
    ['T56', 'with a limit', { ...atOnce, intensity: { restarts: 3, within: 1_000 } }],
  ] as const) {
    it(`${id} stops the child for a class that is not to be restarted (${how})`, async () => {
      const { actor, grow, crash, clock } = world()
      const decide = { Exc1: 'restart', '*': 'stop' } as const
      const child = actor('a', { start: failingStart }, { policy: { ...policy, decide } })
      const root = await grow([child])
      await crash(root, child, new Exc1())
      await clock.advance(10_000)
      expect([incarnations(root), child.lives.length, root.state]).toEqual([stopped, 2, 'READY'])
      await root.close()
    })
  }

  it('T50 takes resume for restart: there is nothing yet that could go on', async () => {
    const { actor, grow, crash, clock } = world()
    const decide = { Exc1: 'restart', Exc3: 'resume' } as const
    const child = actor('a', { start: failingStart }, { policy: { decide } })
    const root = await grow([child])
    await crash(root, child, new Exc1())
    await clock.advance(0)
    expect([incarnations(root), child.lives.length]).toEqual([{ a: 3 }, 3])
    await root.close()
  })
})

describe('an actor that is not wanted', () => {
  const ways = {
    stop: { decide: { '*': 'stop' } },
    restart: atOnce,
    resume: { decide: { '*': 'resume' } },
    'restart with backoff': backoff(1, 100),
    'a limit': { intensity: { restarts: 1, within: 100 } },
  } as const

  for (const [name, policy] of Object.entries(ways)) {
    it(`T77 because its start says so at once is no failure: its spec stays, without a process, under ${name}`, async () => {
      const { actor, grow, clock } = world()
      const child = actor('a', { start: ({ self }) => self.ignore() }, { policy })
      const root = await grow([child, actor('b')])
      await clock.advance(1_000)
      expect([root.ref('a').state, root.ref('b').state, child.lives.length]).toEqual(['CLOSED', 'READY', 1])
      await root.close()
      expect(clock.pending).toBe(0)
    })

    it(`T78 because its start says so in the middle of it is released first, under ${name}`, async () => {
      const { actor, grow, clock, told } = world()
      const start = async ({ self, signal }: Life) => {
        await Promise.resolve()
        self.ignore()
        expect(signal.aborted).toBe(true)
      }
      const root = await grow([actor('a', { start }, { policy })])
      await clock.advance(1_000)
      expect([root.ref('a').state, told()]).toEqual(['CLOSED', ['a starts', 'a stopped']])
      await root.close()
      expect(clock.pending).toBe(0)
    })
  }
})

describe('a supervisor with a decider', () => {
  it('O1 ends, and says so, when its significant child has ended by itself', async () => {
    const { actor, grow, clock } = world()
    const child = actor('a', {}, { restart: 'transient', significant: true })
    const root = await grow([actor('b'), child], { autoShutdown: 'any_significant' })
    root.ref(child.definition, 'a').tell('end')
    await clock.advance(0)
    expect(await root.closed).toMatchObject({ reason: 'auto_shutdown' })
    expect([child.lives.length, clock.pending]).toEqual([1, 0])
  })

  it('T66 takes a new table while the child runs: what restarted it is passed over from then on', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: backoff(100, 1_000) })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    ref.tell('ping 1')
    root.reload({ children: [{ ...child.spec, policy: { decide: { '*': 'resume' } } }] })
    await clock.advance(100)
    expect(ref.incarnation).toBe(2)
    await ref.ask('increment')
    await crash(root, child)
    expect([await ref.ask('state'), ref.incarnation]).toEqual([1, 2])
    await root.close()
  })

  it('H3 that fails itself and is resumed leaves all below it as it was', async () => {
    const { actor, grow, clock, told } = world()
    const worker = actor('worker')
    const middle = sub('middle', [worker], { policy: { decide: { '*': 'resume' } } })
    const root = await grow([middle])
    const client = await root.ref(supervisorResource, 'middle').ready()
    const ref = client.ref(worker.definition, 'worker')
    await ref.ask('increment')
    root.ref('middle').fail(new Exc1('expected'))
    await clock.advance(0)
    expect([await ref.ask('state'), ref.incarnation, incarnations(root)]).toEqual([1, 1, { middle: 1 }])
    expect(await root.ref(supervisorResource, 'middle').ready()).toBe(client)
    expect(told()).toEqual(['worker starts'])
    await root.close()
  })
})
