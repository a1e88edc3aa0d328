import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../../machines/lifecycle.ts'
import { defineResource } from '../../../src/resources/define.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import { atOnce, backoff, Exc1, incarnations, limit, sub, world } from './world.ts'

const boom = () => {
  throw new Exc1('in setup')
}

describe('a first start', () => {
  it('T48 that fails is not tried again, even when restarts are without limit: no loop', async () => {
    const { actor, grow, clock, told } = world()
    const root = await grow()
    await expect(root.start(actor('a', { start: boom }).typed)).rejects.toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: expect.stringContaining('in setup'),
      details: { supervisor: 'root', id: 'a' },
    })
    await clock.advance(1_000_000)
    expect(told()).toEqual(['a starts', 'a stopped'])
    await root.close()
  })

  it('T57 whose function throws instead of rejecting is an ordinary failed start', async () => {
    const { grow, clock } = world()
    let cleanups = 0
    const thrower = defineResource<object, object>({
      kind: 'thrower',
      machine: lifecycle,
      initialize: boom,
      async cleanup() {
        cleanups += 1
      },
    })
    const root = await grow()
    await expect(root.start({ id: 'a', resource: thrower, input: {} })).rejects.toThrow(/in setup/)
    expect([cleanups, root.children(), clock.pending]).toEqual([1, [], 0])
    await root.close()
  })

  it('T62 of supervisors within supervisors starts what is innermost once', async () => {
    const { actor, grow, told } = world()
    const policy = limit(3, 1_000)
    const root = await grow([
      sub('outer', [sub('inner', [actor('a')] as never, { policy }) as never], { policy }),
    ])
    expect(told()).toEqual(['a starts'])
    await root.close()
    expect(told()).toEqual(['a stopped'])
  })

  it('T63 of an actor with fields of several policies laid over each other is one start', async () => {
    const { actor, grow, told } = world()
    const root = await grow([actor('a', {}, { policy: { ...limit(3, 1_000), restart: 'transient' } })], {
      policies: { default: 'patient', policies: { patient: atOnce }, names: { a: backoff(10, 100) } },
    })
    expect(told()).toEqual(['a starts'])
    expect(root.children()[0]).toMatchObject({ restart: 'transient', window: { limit: 3, within: 1_000 } })
    await root.close()
  })

  it('T72 of something that is no definition is refused before anything happens', async () => {
    const { grow, clock } = world()
    const root = await grow()
    for (const resource of [{}, null, { kind: 'actor' }, 'actor']) {
      await expect(root.start({ id: 'a', resource: resource as never, input: {} })).rejects.toMatchObject({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: expect.stringContaining('expected what defineResource gives'),
      })
    }
    expect([root.children(), clock.pending]).toEqual([[], 0])
    await root.close()
  })
})

describe('another policy', () => {
  it('T64 replaces the first one when the child is taken out and started again with it', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: backoff(1_000, 10_000) })
    const root = await grow([child])
    await crash(root, child)
    await root.remove('a')
    await root.start({ ...child.typed, policy: atOnce })
    await crash(root, child)
    expect(incarnations(root)).toEqual({ a: 2 })
    await clock.advance(100_000)
    expect(child.lives).toHaveLength(3)
    await root.close()
  })

  it('T65 inside of another supervisor leaves the outer one what it was', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: backoff(1_000, 10_000) })
    const root = await grow([sub('tree', [child], { policy: backoff(500, 500) })])
    const tree = await root.ref(supervisorResource, 'tree').ready()
    await tree.stop('a')
    await tree.start({ ...child.typed, policy: limit(0, 1_000) })
    await crash(tree, child)
    expect(incarnations(root)).toEqual({ tree: 'CLOSED' })
    await clock.advance(500)
    expect(incarnations(root)).toEqual({ tree: 2 })
    await root.close()
  })
})

describe('an actor that ends in the normal way', () => {
  const ways = {
    'restart at once': atOnce,
    'restart with backoff': backoff(1, 100),
    'a limit': limit(1, 100),
  }

  for (const [name, policy] of Object.entries(ways)) {
    it(`T79 when it starts again after a failure stays ended, if it is transient (${name})`, async () => {
      const { actor, grow, crash, clock } = world()
      const child = actor(
        'a',
        { start: ({ number, self }) => number === 2 && self.end() },
        { policy, restart: 'transient' },
      )
      const root = await grow([child])
      const ref = root.ref(child.definition, 'a')
      await crash(root, child)
      await clock.advance(1_000)
      expect([ref.state, child.lives.length, root.state]).toEqual(['CLOSED', 2, 'READY'])
      await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
      expect(clock.pending).toBe(0)
      await root.close()
    })
  }
})

describe('what is logged', () => {
  it('T68 of a failure that is handled is one line that names it, as a warning', async () => {
    const { actor, grow, crash, logged } = world()
    const child = actor('a')
    const root = await grow([child])
    await crash(root, child, new Exc1('expected'))
    expect(logged.filter(({ level, message }) => level !== 'debug' && message.includes('expected'))).toEqual([
      { level: 'warn', message: 'actor "a" failed: actor "a" failed: expected' },
    ])
    await root.close()
  })

  it('T69 of a failure that is handled is never an error: giving up is', async () => {
    const { actor, grow, crash, logged } = world()
    const child = actor('a', {}, { policy: limit(1, 1_000) })
    const root = await grow([child])
    await crash(root, child)
    expect(logged.filter(({ level }) => level === 'error')).toEqual([])
    await crash(root, child)
    await root.closed
    expect(logged.filter(({ level }) => level === 'error')).toMatchObject([
      { message: expect.stringContaining('actor "a" gave up') },
    ])
  })

  it('T70 of a third failure in a row, and of each one after it, is an error; after a healthy time it is a warning again', async () => {
    const { actor, grow, crash, clock, logged } = world()
    const child = actor('a', {}, { policy: backoff(1, 1, 2_000) })
    const root = await grow([child])
    const levels = () =>
      logged
        .splice(0)
        .flatMap(({ level, message }) => (message.includes('exc-1') && level !== 'debug' ? [level] : []))
    for (let failure = 0; failure < 5; failure += 1) {
      await crash(root, child, new Exc1('exc-1'))
      await clock.advance(1)
    }
    expect(levels()).toEqual(['warn', 'warn', 'error', 'error', 'error'])
    await clock.advance(2_000)
    await crash(root, child, new Exc1('exc-1'))
    expect(levels()).toEqual(['warn'])
    await root.close()
  })
})
