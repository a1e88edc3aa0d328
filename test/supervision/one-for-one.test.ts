import { describe, expect, it } from 'vitest'
import type { Clock } from '../../src/concurrency/clock.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { calm, grow, kid } from './tree.ts'

describe('a supervisor', () => {
  it('starts its children in order, each after the one before it is READY, and is READY itself then', async () => {
    const [a, b] = [kid('a', { initialize: 'wait' }), kid('b')]
    const clock = new VirtualClock()
    const growing = supervise({ clock, children: [a.spec, b.spec] })
    await clock.settle()
    expect([a.lives.length, b.lives.length]).toEqual([1, 0])
    a.lives[0]?.initialized.resolve()
    const root = await growing
    expect(b.lives).toHaveLength(1)
    expect(root.state).toBe('READY')
    expect(root.children().map(({ id, state }) => [id, state])).toEqual([
      ['a', 'READY'],
      ['b', 'READY'],
    ])
    await root.close()
  })

  it('stops them one after the other in reverse order, and leaves no timer', async () => {
    const kids = ['a', 'b', 'c'].map(id => kid(id, { cleanup: 'wait' }))
    const { root, clock } = await grow(kids.map(({ spec }) => spec))
    const closing = root.close()
    for (const { lives } of [...kids].reverse()) {
      await clock.settle()
      expect(lives[0]?.cleanups).toHaveLength(1)
      expect(kids.filter(other => other.lives[0]?.cleanups.length).at(0)?.lives).toBe(lives)
      lives[0]?.cleaned.resolve()
    }
    await closing
    expect(root.state).toBe('CLOSED')
    expect(await root.closed).toEqual({ reason: 'closed', error: undefined })
    expect(clock.pending).toBe(0)
  })

  it('restarts a child that failed, alone, behind the same ref: its waiters go on with the new client', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root, clock, story } = await grow([a.spec, b.spec])
    const ref = root.ref(a.definition, 'a')
    ref.fail(new Error('lost'))
    const waiting = ref.ready()
    await clock.advance(100)
    expect(await waiting).toEqual({ life: 2 })
    expect([ref.incarnation, ref.state, ref.snapshot().restarts]).toEqual([2, 'READY', 1])
    expect(b.lives).toHaveLength(1)
    expect(story()).toEqual([
      'ready a#1',
      'ready b#1',
      'failed a#1',
      'child_terminated a#1',
      'backoff_scheduled a#1 100',
      'ready a#2',
      'restarted a#2',
    ])
    await root.close()
  })

  it('starts no successor before the cleanup has ended or its time is over', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, clock, events } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.advance(299)
    expect([root.ref('a').state, a.lives.length]).toEqual(['CLOSING', 1])
    await clock.advance(1)
    expect(events.at(-2)).toMatchObject({ type: 'child_terminated' })
    expect(events.find(({ type }) => type === 'shutdown_error')).toMatchObject({
      error: { code: 'EXO_SHUTDOWN_TIMEOUT' },
    })
    await clock.advance(100)
    expect(a.lives).toHaveLength(2)
    a.lives[1]?.cleaned.resolve()
    await root.close()
  })

  it('restarts a child whose restart does not initialise in time, and counts each try', async () => {
    const a = kid('a')
    const { root, clock, story } = await grow([a.spec])
    a.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100 + 500)
    expect(root.ref('a').lastError?.code).toBe('EXO_INITIALIZE_TIMEOUT')
    a.lives[1]?.initialized.reject(new Error('aborted'))
    a.script.initialize = 'at once'
    await clock.advance(200)
    expect(story().filter(text => text.startsWith('backoff'))).toEqual([
      'backoff_scheduled a#1 100',
      'backoff_scheduled a#2 200',
    ])
    expect(root.children()[0]).toMatchObject({
      state: 'READY',
      incarnation: 3,
      attempt: 2,
      window: { used: 2, limit: 3 },
    })
    await root.close()
  })

  it('begins with the first delay again after a healthy time, and not before', async () => {
    const a = kid('a')
    const { root, clock, story } = await grow([a.spec])
    const delays = () => story().flatMap(text => text.match(/backoff\S+ \S+ (\d+)/)?.[1] ?? [])
    const ref = root.ref('a')
    ref.fail('1')
    await clock.advance(100 + 4_999)
    ref.fail('2')
    await clock.advance(200 + 5_000)
    ref.fail('3')
    await clock.advance(100)
    expect(delays()).toEqual(['100', '200', '100'])
    await root.close()
  })

  it('does not let the healthy timer of an older incarnation forgive a newer one', async () => {
    const a = kid('a')
    const { root, clock, story } = await grow([a.spec])
    const ref = root.ref('a')
    await clock.advance(4_950)
    ref.fail('1')
    await clock.advance(100)
    await clock.advance(60)
    ref.fail('2')
    await clock.advance(200)
    expect(story().filter(text => text.startsWith('backoff'))).toEqual([
      'backoff_scheduled a#1 100',
      'backoff_scheduled a#2 200',
    ])
    await root.close()
  })

  it('keeps messages for the next incarnation, and never repeats the one in hand', async () => {
    const a = kid('a', {
      receive: message => (message === 'stuck' ? new Promise(() => undefined) : `${message}!`),
    })
    const { root, clock } = await grow([a.spec])
    const ref = root.ref(a.definition, 'a')
    const stuck = ref.ask('stuck').catch((error: unknown) => error)
    const next = ref.ask('next')
    await clock.settle()
    ref.fail('x')
    expect(await stuck).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await clock.advance(100)
    expect(await next).toBe('next!')
    expect(a.lives.map(({ messages }) => messages)).toEqual([['stuck'], ['next']])
    await root.close()
  })
})

describe('a handler that outlives its incarnation', () => {
  it('takes no further message: the next one waits for the next incarnation', async () => {
    const stuck = deferred<void>()
    const a = kid('a', { receive: message => (message === 'stuck' ? stuck.promise : `${message}!`) })
    const { root, clock } = await grow([a.spec])
    const ref = root.ref(a.definition, 'a')
    ref.tell('stuck')
    const next = ref.ask('next')
    await clock.settle()
    ref.fail('x')
    stuck.resolve()
    await clock.settle()
    expect(ref.snapshot().mailbox).toBe(1)
    await clock.advance(100)
    expect(await next).toBe('next!')
    expect(a.lives.map(({ messages }) => messages)).toEqual([['stuck'], ['next']])
    await root.close()
  })
})

describe('a first start that fails', () => {
  it('stops those started before in reverse order and rejects, naming child and cause, without a retry', async () => {
    const order: string[] = []
    const [a, b, c] = [kid('a'), kid('b'), kid('c', { initialize: 'wait' })]
    const clock = new VirtualClock()
    const growing = supervise({
      clock,
      children: [a.spec, b.spec, c.spec],
      onEvent: ({ type, name }) => type === 'child_terminated' && order.push(name),
    })
    await clock.settle()
    c.lives[0]?.initialized.reject(new Error('no disk'))
    await expect(growing).rejects.toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'supervisor "root" could not start scripted "c": scripted "c" failed to initialise: no disk',
      cause: { cause: { message: 'no disk' } },
    })
    expect(order).toEqual(['c', 'b', 'a'])
    expect([a, b, c].map(({ lives }) => [lives.length, lives[0]?.cleanups.length])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ])
    expect(clock.pending).toBe(0)
  })

  it('keeps the code of the cause', async () => {
    const a = kid('a', { initialize: 'wait' })
    const clock = new VirtualClock()
    const growing = supervise({ clock, policies: { default: calm }, children: [a.spec] }).catch(
      (error: unknown) => error,
    )
    await clock.settle()
    await clock.advance(500)
    a.lives[0]?.initialized.reject(new Error('aborted'))
    expect(await growing).toMatchObject({ code: 'EXO_INITIALIZE_TIMEOUT', details: { id: 'a' } })
  })

  it('of a later child leaves the others alone and forgets that child', async () => {
    const [a, b] = [kid('a'), kid('b', { initialize: 'wait' })]
    const { root, clock } = await grow([a.spec])
    const starting = root.start(b.typed).catch((error: unknown) => error)
    await clock.settle()
    b.lives[0]?.initialized.reject(new Error('no'))
    expect(await starting).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    expect(root.children().map(({ id }) => id)).toEqual(['a'])
    await root.close()
  })

  it('in a child that ends by itself before it is READY is a failed start too', async () => {
    const a = kid('a', { initialize: 'wait' })
    const clock = new VirtualClock()
    const growing = supervise({ clock, children: [a.spec] }).catch((error: unknown) => error)
    await clock.settle()
    a.lives[0]?.self.end('nothing to do')
    a.lives[0]?.initialized.resolve()
    expect(await growing).toMatchObject({
      code: 'EXO_RESOURCE_CLOSED',
      message: expect.stringContaining('before it was READY'),
    })
  })
})

describe('the restart type', () => {
  it('permanent restarts after a failure and after a normal end', async () => {
    const a = kid('a', {}, { restart: 'permanent' })
    const { root, clock } = await grow([a.spec])
    a.lives[0]?.self.end()
    await clock.advance(100)
    root.ref('a').fail('x')
    await clock.advance(200)
    expect(a.lives).toHaveLength(3)
    await root.close()
  })

  it('transient restarts after a failure only, and stays known after a normal end', async () => {
    const a = kid('a', {}, { restart: 'transient' })
    const { root, clock } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.advance(100)
    a.lives[1]?.self.end('done')
    await clock.advance(10_000)
    expect(a.lives).toHaveLength(2)
    expect(root.children()).toMatchObject([{ id: 'a', state: 'CLOSED', ended: true }])
    await expect(root.ref('a').ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await root.restart('a')
    expect(root.ref('a').state).toBe('READY')
    await root.close()
  })

  it('temporary never restarts, and is forgotten however it ends', async () => {
    const [a, b] = [kid('a', {}, { restart: 'temporary' }), kid('b', {}, { restart: 'temporary' })]
    const { root, clock } = await grow([a.spec, b.spec])
    const ref = root.ref('a')
    ref.fail(new Error('x'))
    b.lives[0]?.self.end()
    await clock.advance(10_000)
    expect([a.lives.length, b.lives.length, root.children().length]).toEqual([1, 1, 0])
    await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    expect(() => root.ref('a')).toThrow(expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN' }))
    await root.close()
  })
})

describe('commands', () => {
  it('stop ends a child for good and wins over a restart that waits for its backoff', async () => {
    const a = kid('a')
    const { root, clock, story } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.advance(99)
    expect(root.children()[0]?.nextAttemptAt).toBe(100)
    await root.stop('a')
    await clock.advance(10_000)
    expect(a.lives).toHaveLength(1)
    expect(story().at(-1)).toBe('stopped a#1')
    await expect(root.ref('a').ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(clock.pending).toBe(0)
    await root.close()
  })

  it('stop wins over a restart that has just become due', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.settle()
    clock.setTimeout(() => void root.stop('a'), 100)
    await clock.advance(1_000)
    expect(a.lives.filter(life => life.cleanups.length === 0)).toEqual([])
    expect(root.ref('a').state).toBe('CLOSED')
    await root.close()
  })

  it('stop wins even between the moment when a restart is due and the restart', async () => {
    const clock = new VirtualClock()
    let afterTimer: () => void = () => undefined
    const hooked: Clock = {
      now: () => clock.now(),
      clearTimeout: handle => clock.clearTimeout(handle),
      nextTurn: fn => clock.nextTurn(fn),
      setTimeout: (fn, ms) =>
        clock.setTimeout(() => {
          fn()
          afterTimer()
        }, ms),
    }
    const a = kid('a')
    const { root } = await grow([a.spec], { clock: hooked })
    root.ref('a').fail('x')
    await clock.settle()
    afterTimer = () => void root.stop('a')
    await clock.advance(1_000)
    expect([a.lives.length, root.ref('a').state]).toEqual([1, 'CLOSED'])
    await root.close()
  })

  it('restart makes a new incarnation at once and spends no intensity', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    for (let round = 0; round < 10; round += 1) await root.restart('a')
    expect(root.children()[0]).toMatchObject({
      state: 'READY',
      incarnation: 11,
      attempt: 0,
      window: { used: 0 },
    })
    expect(a.lives.every((life, index) => life.cleanups.length === (index < 10 ? 1 : 0))).toBe(true)
    await root.close()
  })

  it('restart of a child that was stopped lets its old ref live again', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    const ref = root.ref(a.definition, 'a')
    await root.stop('a')
    expect(ref.tell('lost')).toBe(false)
    a.script.initialize = 'wait'
    const restarting = root.restart('a')
    const asked = ref.ask('hello')
    await clock.settle()
    a.lives[1]?.initialized.resolve()
    await restarting
    expect(await asked).toBe('hello!')
    expect(ref.incarnation).toBe(2)
    await root.close()
  })

  it('stop and restart at the same time end as the last of them says', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    await Promise.allSettled([root.restart('a'), root.stop('a')])
    expect(root.ref('a').state).toBe('CLOSED')
    await Promise.allSettled([root.restart('a'), root.stop('a'), root.restart('a')])
    expect(root.ref('a').state).toBe('READY')
    await root.close()
  })

  it('start takes an id again after its child was stopped: incarnations go on, and the ref too', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    const old = root.ref('a')
    await expect(root.start(a.typed)).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: 'supervisor "root" has a child "a" already, which is READY; expected another id',
    })
    await root.stop('a')
    const again = await root.start(a.typed)
    expect(again).toBe(old)
    expect(again.incarnation).toBe(2)
    await root.close()
  })

  it('remove stops a child and forgets it', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    await root.remove('a')
    expect(root.children()).toEqual([])
    expect(a.lives[0]?.cleanups).toHaveLength(1)
    await root.close()
  })

  it('a child with start: false is known, and starts when it is restarted', async () => {
    const a = kid('a', {}, { start: false })
    const { root } = await grow([a.spec])
    expect(root.children()).toMatchObject([{ id: 'a', state: 'UNINITIALIZED', incarnation: 0 }])
    await root.restart('a')
    expect(root.ref('a').state).toBe('READY')
    await root.close()
  })

  it('for an unknown child name the nearest and list those there are', async () => {
    const { root } = await grow([kid('attic').spec, kid('cellar').spec])
    await expect(root.stop('atic')).rejects.toMatchObject({
      code: 'EXO_CHILD_UNKNOWN',
      message: 'supervisor "root" has no child "atic", did you mean "attic"? It has: attic, cellar',
    })
    expect(() => root.ref(kid('x').definition, 'attic')).toThrow(/is made of another definition/)
    await root.close()
  })

  it('close acts on no trouble any more: a child that degrades meanwhile is only closed', async () => {
    let recoveries = 0
    const [a, b] = [
      kid('a', {
        recover: async () => {
          recoveries += 1
        },
      }),
      kid('b', { cleanup: 'wait' }, { policy: { shutdown: 5_000 } }),
    ]
    const { root, clock } = await grow([a.spec, b.spec])
    const closing = root.close()
    root.ref('a').degrade('slow')
    await clock.advance(4_000)
    expect([root.ref('a').state, recoveries]).toEqual(['DEGRADED', 0])
    b.lives[0]?.cleaned.resolve()
    await closing
    expect(clock.pending).toBe(0)
  })

  it('start nothing once closing began, whatever is under way', async () => {
    const [a, b] = [kid('a', { cleanup: 'wait' }), kid('b')]
    const { root, clock } = await grow([a.spec, b.spec])
    root.ref('b').fail('x')
    await clock.advance(50)
    const closing = root.close()
    await expect(root.start(kid('c').typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await expect(root.restart('b')).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.advance(200)
    a.lives[0]?.cleaned.resolve()
    await closing
    expect([a.lives.length, b.lives.length]).toEqual([1, 1])
  })

  it('close during the first start ends it: what was started is stopped', async () => {
    const [a, b] = [kid('a'), kid('b', { initialize: 'wait' })]
    const parent = await grow([])
    const { supervisorResource } = await import('../../src/supervision/supervisor-resource.ts')
    const starting = parent.root
      .start({ id: 'sub', resource: supervisorResource, input: { children: [a.spec, b.spec] } })
      .catch((error: unknown) => error)
    await parent.clock.settle()
    const closing = parent.root.close()
    b.lives[0]?.initialized.reject(new Error('aborted'))
    await closing
    expect(await starting).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect([a, b].map(({ lives }) => lives[0]?.cleanups.length)).toEqual([1, 1])
    expect(parent.clock.pending).toBe(0)
  })
})

describe('a child spec', () => {
  it.each([
    ['id', { id: '' }],
    ['resource', { resource: {} }],
    ['restart', { restart: 'prmanent' }],
    ['mailbox', { mailbox: 0 }],
  ])('with a wrong %s is refused before anything starts', async (field, change) => {
    const a = kid('a')
    const wrong = { ...kid('b').spec, ...change }
    await expect(
      supervise({ clock: new VirtualClock(), children: [a.spec, wrong as never] }),
    ).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringContaining(field),
    })
    expect(a.lives).toEqual([])
  })

  it('whose id is taken twice is refused before anything starts', async () => {
    const a = kid('a')
    await expect(
      supervise({ clock: new VirtualClock(), children: [a.spec, kid('a').spec] }),
    ).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    expect(a.lives).toEqual([])
  })

  it('with an unknown strategy is refused', async () => {
    await expect(supervise({ clock: new VirtualClock(), strategy: 'all' as never })).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringContaining('strategy is "all", expected one_for_one'),
    })
  })
})
