import { describe, expect, it } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { calm, grow, kid } from './tree.ts'

const template = (one: ReturnType<typeof kid>) => ({ resource: one.definition, input: {} })

describe('a child that is started by hand', () => {
  it('is refused when another one of its id was waiting for its turn before it', async () => {
    const a = kid('a', { initialize: 'wait' })
    const first = kid('twin')
    const second = kid('twin')
    const { root, clock } = await grow([], { strategy: 'one_for_all' })
    const starts = [root.start(a.typed), root.start(first.typed), root.start(second.typed)]
    const outcomes = Promise.allSettled(starts)
    await clock.settle()
    a.lives[0]?.initialized.resolve()
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect([first.lives.length, second.lives.length]).toEqual([1, 0])
    await root.close()
  })

  it('is known and not run when its spec says so, until it is restarted', async () => {
    const a = kid('a', {}, { start: false })
    const { root } = await grow([])
    await root.start(a.typed)
    expect([root.children().map(({ id }) => id), a.lives.length]).toEqual([['a'], 0])
    await root.restart('a')
    expect([root.ref('a').state, a.lives.length]).toEqual(['READY', 1])
    await root.close()
  })

  it('is refused by a supervisor that is closed, or is closed while it waits for its turn', async () => {
    const a = kid('a', { initialize: 'wait' })
    const b = kid('b')
    const { root, clock, events } = await grow([], { strategy: 'one_for_all' })
    const starts = Promise.allSettled([root.start(a.typed), root.start(b.typed)])
    await clock.settle()
    const closing = root.close()
    // Not only when the closing has ended: that may be long.
    await expect(root.start(b.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(a.lives[0]?.cleanups).toEqual([])
    a.lives[0]?.initialized.resolve()
    await closing
    expect(events.filter(({ name }) => name === 'b')).toEqual([])
    for (const outcome of await starts)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'EXO_RESOURCE_CLOSED' } })
    await expect(root.start(b.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await expect(root.restart('a')).rejects.toThrow()
    expect(() => root.reload({})).toThrow(expect.objectContaining({ code: 'EXO_RESOURCE_CLOSED' }))
    expect(b.lives).toEqual([])
  })
})

describe('a child that somebody hears of when it is added', () => {
  it('is not started when that ends the supervisor', async () => {
    const a = kid('a')
    const registry = new Registry(silentLog)
    const { root } = await grow([], { registry })
    let closed: Promise<void> | undefined
    registry.subscribe(({ type, entry }) => {
      if (type === 'added' && entry.name === 'a') closed = root.close()
    })
    await expect(root.start(a.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await closed
    expect(a.lives).toEqual([])
  })
})

describe('a child that is restarted by hand', () => {
  /** One that is needed by another one, whose cleanup takes its time. */
  async function needed() {
    const a = kid('a')
    const b = kid('b', { cleanup: 'wait' }, { dependsOn: ['a'], shutdown: 'infinity' })
    const world = await grow([a.spec, b.spec], { strategy: 'dependency_closure' })
    const release = () => {
      for (const { cleaned } of b.lives) cleaned.resolve()
      b.script.cleanup = 'at once'
    }
    return { ...world, a, b, release }
  }

  it('stays down when it is told to stop while those that need it are being stopped', async () => {
    const { root, clock, a, release } = await needed()
    const restarted = root.restart('a')
    await clock.settle()
    const stopped = root.stop('a')
    const refused = expect(restarted).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    release()
    await Promise.all([refused, stopped])
    await clock.advance(10_000)
    expect([root.ref('a').state, a.lives.length]).toEqual(['CLOSED', 1])
    await root.close()
  })

  it('has its id for itself from then on, also when it had been stopped', async () => {
    const { root, clock, a, b, release } = await needed()
    b.lives[0]?.cleaned.resolve()
    await root.stop('a')
    await root.restart('b').catch(() => undefined)
    const restarted = root.restart('a')
    await expect(root.start(a.typed)).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    release()
    await restarted
    await clock.settle()
    expect([root.ref('a').state, a.lives.length]).toEqual(['READY', 2])
    await root.close()
  })
})

describe('a child that was removed', () => {
  it('tells who still has its ref why it is gone', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    const ref = root.ref('a')
    await root.remove('a')
    await expect(ref.ready()).rejects.toMatchObject({
      code: 'EXO_RESOURCE_CLOSED',
      message: expect.stringContaining('is closed: removed'),
    })
    await root.close()
  })
})

describe('a child that others need', () => {
  it('is not removed, and the error tells who they are', async () => {
    const children = [kid('a'), kid('b', {}, { dependsOn: ['a'] }), kid('c', {}, { requires: ['a'] })]
    const { root } = await grow(
      children.map(({ spec }) => spec),
      { strategy: 'dependency_closure' },
    )
    await expect(root.remove('a')).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      details: { supervisor: 'root', id: 'a', by: expect.arrayContaining(['b', 'c']) },
    })
    await root.close()
  })
})

describe('a child that was left in ERROR, as its policy says', () => {
  it('is not stopped: nobody else can have its id', async () => {
    const a = kid('a', {}, { policy: { on: ['DEGRADED'] } })
    const { root, clock } = await grow([a.spec])
    a.lives[0]?.self.fail('lost')
    await clock.settle()
    await expect(root.start(a.typed)).rejects.toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    await root.close()
  })

  it('comes back when somebody who hears of that restarts it, and whoever waits since then gets it', async () => {
    const a = kid('a', {}, { policy: { on: ['DEGRADED'] } })
    const { root } = await grow([a.spec])
    let client: Promise<unknown> | undefined
    root.onEvent(({ type }) => {
      if (type !== 'failed') return
      void root.restart('a')
      client = root.ref('a').ready()
    })
    a.lives[0]?.self.fail('lost')
    expect(await client).toEqual({ life: 2 })
    await root.close()
  })

  it('is closed all the same when it was its first start that failed', async () => {
    const a = kid('a', { initialize: 'wait' }, { policy: { on: ['DEGRADED'] } })
    const { root, clock } = await grow([])
    const started = root.start(a.typed)
    await clock.settle()
    a.lives[0]?.initialized.reject(new Error('broken'))
    await expect(started).rejects.toThrow('broken')
    expect([root.children(), a.lives[0]?.cleanups.length]).toEqual([[], 1])
    await root.close()
  })
})

describe('a dynamic supervisor', () => {
  it('gives ids that nobody has', async () => {
    const one = kid('any')
    const { root } = await grow([], { strategy: 'dynamic', template: template(one) })
    await root.spawn(one.definition, {}, { id: 'scripted-1' })
    await root.spawn(one.definition, {})
    await root.spawn(one.definition, {})
    expect(root.children().map(({ id }) => id)).toEqual(['scripted-1', 'scripted-2', 'scripted-3'])
    await expect(root.spawn(one.definition, {}, { id: 'scripted-2' })).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    await root.close()
    await expect(root.spawn(one.definition, {})).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('has so many children at most, and room again when one has ended', async () => {
    const one = kid('any')
    const { root, clock } = await grow([], {
      strategy: 'dynamic',
      template: { ...template(one), restart: 'temporary' },
      maxChildren: 2,
    })
    await root.spawn(one.definition, {})
    const ref = await root.spawn(one.definition, {})
    await expect(root.spawn(one.definition, {})).rejects.toMatchObject({
      details: { supervisor: 'root', maxChildren: 2 },
    })
    ref.fail('x')
    await clock.settle()
    await root.spawn(one.definition, {})
    expect(root.count()).toMatchObject({ active: 2 })
    await root.close()
  })

  it('makes children of its template only, and others make none', async () => {
    const one = kid('any')
    const { root } = await grow([], { strategy: 'dynamic', template: template(one) })
    await expect(root.spawn(kid('other').definition, {})).rejects.toThrow()
    await expect(root.start(kid('other').typed)).rejects.toThrow()
    await root.close()
    const plain = await grow([])
    await expect(plain.root.spawn(one.definition, {})).rejects.toMatchObject({
      code: 'EXO_STRATEGY_MISMATCH',
    })
    await plain.root.close()
  })
})

describe('an inspection of a supervisor', () => {
  it('sees the actors of its children, and a fault of the observer is logged', async () => {
    const { root, logged } = await grow([kid('a').spec], { policies: { default: calm } })
    const seen = new Set<unknown>()
    const detach = root.inspect((event: InspectionEvent) => {
      seen.add((event.actorRef as { id?: string }).id)
      throw new Error('bad observer')
    })
    detach()
    expect([...seen]).toContain('a#1')
    expect(logged.some(message => message.includes('observer'))).toBe(true)
    await root.close()
  })

  it('of one below the root sees them too, and a fault of the observer is logged with the error', async () => {
    const errors: { error?: unknown; message: string }[] = []
    const log = {
      ...silentLog,
      error: (facts: object, message: string) => void errors.push({ ...facts, message }),
    }
    const input = { children: [kid('a').spec] }
    const { root } = await grow([{ id: 'below', resource: supervisorResource as never, input }], { log })
    const below = await root.ref(supervisorResource, 'below').ready()
    const seen = new Set<unknown>()
    const detach = below.inspect((event: InspectionEvent) => {
      seen.add((event.actorRef as { id?: string }).id)
      throw new Error('bad observer')
    })
    await below.restart('a')
    detach()
    expect([...seen]).toContain('a#2')
    expect(errors).toContainEqual({
      error: expect.objectContaining({ message: 'bad observer' }),
      message: 'an inspection observer threw',
    })
    await root.close()
  })
})
