import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { createResource } from '../../src/resources/create.ts'
import { withResource } from '../../src/resources/use.ts'
import { type Script, scripted } from './scripted.ts'
import { unhandledRejections } from './unhandled.ts'

const leaks = unhandledRejections()
beforeEach(leaks.watch)
afterEach(leaks.expectNone)

function world(changes: Partial<Script> = {}) {
  const clock = new VirtualClock()
  const abort = new AbortController()
  const made = scripted(changes)
  const options = { name: 'a', input: {}, clock, signal: abort.signal }
  const listeners = () => getEventListeners(abort.signal, 'abort').length
  return { clock, abort, options, listeners, ...made }
}

const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)

describe('work with a resource of its own', () => {
  it('gets the client, and its result is given when the cleanup has ended', async () => {
    const { definition, options, lives, clock, listeners } = world({ cleanup: 'wait' })
    let ended = false
    const result = withResource(definition, options, client => `life ${client.life}`)
    void result.then(() => {
      ended = true
    })
    await clock.settle()
    expect(lives[0]?.cleanups).toMatchObject([{ reason: 'the work with it has ended' }])
    expect(ended).toBe(false)
    lives[0]?.cleaned.resolve()
    expect(await result).toBe('life 1')
    expect(clock.pending).toBe(0)
    expect(listeners()).toBe(0)
  })

  it('that throws, at once or later, is cleaned up after, and its very error is thrown', async () => {
    const fault = new TypeError('bad row')
    const works = [
      () => {
        throw fault
      },
      async () => {
        throw fault
      },
    ]
    for (const work of works) {
      const { definition, options, lives, clock, listeners } = world()
      expect(await caught(withResource(definition, options, work))).toBe(fault)
      expect(lives[0]?.cleanups).toMatchObject([{ reason: 'the work with it failed' }])
      expect(Object.hasOwn(fault, 'suppressed')).toBe(false)
      expect([clock.pending, listeners()]).toEqual([0, 0])
    }
  })

  it('that throws keeps its error when the cleanup throws too; the second error is kept as suppressed', async () => {
    const { definition, options, lives, clock } = world({ cleanup: 'wait' })
    const fault = new Error('bad row')
    const waiting = caught(withResource(definition, options, () => Promise.reject(fault)))
    await clock.settle()
    lives[0]?.cleaned.reject(new Error('disk full'))
    expect(await waiting).toBe(fault)
    expect(fault).toMatchObject({
      suppressed: [{ code: 'EXO_RESOURCE_FAILED', message: 'the cleanup of scripted "a" failed: disk full' }],
    })
  })

  it('that throws something that can hold nothing still has it thrown as it is', async () => {
    for (const thrown of ['no', Object.freeze(new Error('frozen'))]) {
      const { definition, options, lives, clock } = world({ cleanup: 'wait' })
      const waiting = caught(withResource(definition, options, () => Promise.reject(thrown)))
      await clock.settle()
      lives[0]?.cleaned.reject(new Error('disk full'))
      expect(await waiting).toBe(thrown)
    }
  })

  it('that ends well still fails when the cleanup does', async () => {
    const { definition, options, lives, clock } = world({ cleanup: 'wait' })
    const waiting = caught(withResource(definition, options, () => 1))
    await clock.settle()
    lives[0]?.cleaned.reject(new Error('disk full'))
    expect(await waiting).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
  })

  it('waits for a cleanup no longer than its limit, and says so', async () => {
    const { definition, options, clock } = world({ cleanup: 'wait' })
    const waiting = caught(withResource(definition, { ...options, shutdown: 300 }, () => 1))
    await clock.advance(300)
    expect(await waiting).toMatchObject({ code: 'EXO_SHUTDOWN_TIMEOUT' })
    expect(clock.pending).toBe(0)
  })
})

describe('giving up work with a resource', () => {
  it('before it began starts nothing', async () => {
    const { definition, options, abort, lives } = world()
    abort.abort('too late')
    expect(await caught(withResource(definition, options, () => 1))).toMatchObject({
      code: 'EXO_ABORTED',
      cause: 'too late',
    })
    expect(lives).toEqual([])
  })

  it('during the start aborts it, and waits until it is cleaned up', async () => {
    const { definition, options, abort, lives, clock, listeners } = world({ initialize: 'wait' })
    const waiting = caught(withResource(definition, options, () => 1))
    await clock.settle()
    abort.abort(new Error('user left'))
    await clock.settle()
    expect(lives[0]?.signal.aborted).toBe(true)
    lives[0]?.initialized.resolve()
    expect(await waiting).toMatchObject({ code: 'EXO_ABORTED' })
    expect(lives[0]?.cleanups).toMatchObject([{ client: lives[0]?.client }])
    expect([clock.pending, listeners()]).toEqual([0, 0])
  })

  it('reaches the work in whatever moment of its beginning', async () => {
    for (let hops = 0; hops < 30; hops += 1) {
      const { definition, options, abort, lives, clock } = world({ initialize: 'wait' })
      const waiting = caught(
        withResource(definition, options, async (_, { signal }) => {
          if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
          throw signal.reason
        }),
      )
      await clock.settle()
      lives[0]?.initialized.resolve()
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      abort.abort()
      await clock.settle()
      expect([hops, clock.pending, lives[0]?.cleanups.length]).toEqual([hops, 0, 1])
      expect(await waiting).toMatchObject({ code: 'EXO_ABORTED' })
    }
  })

  it('lets the work use the client for its own clearing up before the resource is closed', async () => {
    const { definition, options, abort, lives, clock } = world()
    const flushed = deferred<void>()
    const order: string[] = []
    const waiting = caught(
      withResource(definition, options, async (client, { signal, resource }) => {
        await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
        await flushed.promise
        order.push(`flushed ${client.life} while ${resource.state}`)
        signal.throwIfAborted()
      }),
    )
    await clock.settle()
    abort.abort()
    await clock.advance(4_999)
    expect(lives[0]?.cleanups).toEqual([])
    flushed.resolve()
    expect(await waiting).toMatchObject({
      code: 'EXO_ABORTED',
      message: 'work with scripted "a" was cancelled',
    })
    expect(order).toEqual(['flushed 1 while READY'])
    expect(lives[0]?.cleanups).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('leaves work that ignores its signal behind after the shutdown time, and swallows what it does later', async () => {
    const { definition, options, abort, lives, clock, listeners } = world()
    const work = deferred<void>()
    const waiting = caught(withResource(definition, options, () => work.promise))
    await clock.settle()
    abort.abort()
    await clock.advance(5_000)
    expect(await waiting).toMatchObject({ code: 'EXO_ABORTED' })
    expect(lives[0]?.cleanups).toHaveLength(1)
    work.reject(new Error('late'))
    await clock.settle()
    expect([clock.pending, listeners()]).toEqual([0, 0])
  })

  it('does not take the result from work that ends well in spite of it', async () => {
    const { definition, options, abort, clock } = world()
    const work = deferred<string>()
    const waiting = withResource(definition, options, () => work.promise)
    await clock.settle()
    abort.abort()
    work.resolve('done')
    expect(await waiting).toBe('done')
    expect(clock.pending).toBe(0)
  })

  it('is what happens when the resource fails: the signal tells the work why', async () => {
    const { definition, options, lives, clock } = world()
    const reasons: unknown[] = []
    const waiting = caught(
      withResource(definition, options, async (_, { signal }) => {
        await new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
        reasons.push(signal.reason)
        throw signal.reason
      }),
    )
    await clock.settle()
    const fault = new ExovisorError('EXO_PEER_UNREACHABLE', 'cable cut')
    lives[0]?.self.fail(fault)
    expect(await waiting).toBe(fault)
    expect(reasons).toEqual([fault])
    expect(lives[0]?.cleanups).toHaveLength(1)
  })

  it('with a limit for the start fails when the resource is not READY in time, and cleans up', async () => {
    const { definition, options, lives, clock } = world({ initialize: 'wait' })
    const waiting = caught(withResource(definition, { ...options, timeout: 50 }, () => 1))
    await clock.advance(50)
    lives[0]?.initialized.resolve()
    expect(await waiting).toMatchObject({ code: 'EXO_READY_TIMEOUT' })
    expect(lives[0]?.cleanups).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })
})

describe('the older names', () => {
  it('start and stop do what initialize and close do', async () => {
    const { definition, lives } = scripted()
    const resource = createResource(definition, { name: 'a', input: {}, clock: new VirtualClock() })
    expect(await resource.start()).toBe(lives[0]?.client)
    expect(await resource.initialize()).toBe(lives[0]?.client)
    await Promise.all([resource.stop('over'), resource.close()])
    expect(resource.state).toBe('CLOSED')
    expect(lives[0]?.cleanups).toMatchObject([{ reason: 'over' }])
    await expect(resource.start()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })
})
