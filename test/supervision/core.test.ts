import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'
import { calm, grow, kid } from './tree.ts'

describe('a supervisor that is a resource by itself, with no root, registry or stream of events', () => {
  it('does all that others do', async () => {
    const clock = new VirtualClock()
    const [a, b] = [kid('a'), kid('b')]
    const events: SupervisionEvent[] = []
    const owned = createResource(supervisorResource, {
      name: 'alone',
      clock,
      input: {
        children: [a.spec, b.spec],
        policies: { default: calm },
        onEvent: event => void events.push(event),
      },
    })
    const admin = await owned.initialize()
    admin.suspend('a')
    expect(admin.children()[0]?.suspended).toBe(true)
    admin.resume('a')
    for (let lives = 1; lives <= 20; lives += 1)
      for (const one of [a, b]) one.lives.at(-1)?.self.degrade('slow')
    a.lives[0]?.self.fail(new Error('lost'))
    await clock.advance(100)
    expect([admin.ref('a').state, a.lives.length]).toEqual(['READY', 2])
    await admin.stop('b')
    await admin.start(b.typed)
    await admin.remove('b')
    expect(admin.children().map(({ id }) => id)).toEqual(['a'])
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['suspended', 'restarted']))
    await owned.close()
    expect([owned.state, a.lives[1]?.cleanups.length]).toEqual(['CLOSED', 1])
    await clock.advance(60_000)
    expect(clock.pending).toBe(0)
  })
})

describe('a child of a supervisor', () => {
  it('gets the input of its spec and nothing beside it', async () => {
    const inputs: unknown[] = []
    const a = kid('a', {}, { input: { own: 1 } })
    const resource = {
      ...a.definition,
      initialize: async ({ input }: { readonly input: unknown }) => {
        inputs.push(input)
        return { life: 1 }
      },
    }
    const { root } = await grow([{ ...a.spec, resource: resource as never }])
    expect(inputs).toEqual([{ own: 1 }])
    await root.close()
  })

  it('that is no supervisor is not told to rest, whatever its client can do', async () => {
    let rests = 0
    const a = kid('a')
    const resource = {
      ...a.definition,
      initialize: async () => ({
        life: 1,
        rest: () => {
          rests += 1
        },
      }),
    }
    const { root } = await grow([{ ...a.spec, resource: resource as never }])
    root.suspend('a')
    await root.restart('a')
    expect([root.ref('a').state, rests]).toEqual(['READY', 0])
    await root.close()
  })

  it('that ended while its supervisor rested, and was restarted by hand, is not restarted again when that goes on', async () => {
    const leaf = kid('leaf')
    const input = { children: [leaf.spec] }
    const { root, clock } = await grow([{ id: 'below', resource: supervisorResource as never, input }])
    const below = await root.ref(supervisorResource, 'below').ready()
    root.suspend('below')
    leaf.lives[0]?.self.fail(new Error('lost'))
    await clock.settle()
    await below.restart('leaf')
    root.resume('below')
    await clock.advance(10_000)
    expect([below.ref('leaf').state, leaf.lives.length]).toEqual(['READY', 2])
    await root.close()
  })

  it('that has ended for good stays known when who hears of that starts it again', async () => {
    const a = kid('a', {}, { restart: 'temporary' })
    const { root, clock } = await grow([a.spec])
    let restarted: Promise<void> | undefined
    root.onEvent(({ type }) => {
      if (type === 'stopped') restarted ??= root.restart('a')
    })
    a.lives[0]?.self.fail(new Error('lost'))
    await clock.settle()
    await restarted
    expect(root.children()).toMatchObject([{ id: 'a', state: 'READY', incarnation: 2 }])
    await root.close()
  })

  it('that waits for one that it comes after starts when that is left in ERROR', async () => {
    const a = kid('a', {}, { policy: { on: ['DEGRADED'], startTimeout: 60_000 } })
    const b = kid('b', {}, { after: ['a'] })
    const { root, clock } = await grow([a.spec, b.spec], { strategy: 'dependency_closure' })
    a.script.initialize = 'wait'
    const restarted = root.restart('a').catch(() => undefined)
    b.lives[0]?.self.fail(new Error('lost'))
    await clock.advance(1_000)
    expect(b.lives).toHaveLength(1)
    a.lives[1]?.initialized.reject(new Error('broken'))
    await restarted
    await clock.settle()
    expect([root.ref('a').state, root.ref('b').state]).toEqual(['ERROR', 'READY'])
    await root.close()
  })
})

describe('a significant child that ended before its supervisor was READY', () => {
  it('does not end it when somebody starts that child again at once', async () => {
    const a = kid('a', {}, { significant: true, restart: 'transient' })
    const b = kid('b')
    const resource = {
      ...b.definition,
      initialize: async () => {
        a.lives[0]?.self.end('done')
        await new Promise(resolve => setImmediate(resolve))
        return { life: 1 }
      },
    }
    const { root, clock } = await grow([a.spec, { ...b.spec, resource: resource as never }], {
      autoShutdown: 'any_significant',
    })
    await root.restart('a')
    await clock.advance(1_000)
    expect([root.state, root.ref('a').state, a.lives.length]).toEqual(['READY', 'READY', 2])
    await root.close()
  })
})
