import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, SuperviseOptions } from '../../src/supervision/types.ts'
import { grow, kid } from './tree.ts'

async function registered(children: readonly AnyChildSpec[], options: Partial<SuperviseOptions> = {}) {
  const registry = new Registry(silentLog)
  const grown = await grow(children, { registry, ...options })
  const states = () => Object.fromEntries(registry.list().map(({ path, state }) => [path, state]))
  const routable = () => registry.routable('scripted').map(({ name }) => name)
  return { ...grown, registry, states, routable }
}

const sub = (id: string, children: readonly AnyChildSpec[]) =>
  childSpec({ id, resource: supervisorResource, input: { children }, policy: { on: ['ERROR'] } })

describe('the registry of a runtime', () => {
  it('knows every resource of the tree by its path, and all about it', async () => {
    const a = kid('a', {
      check: async () => {
        throw new Error('bad')
      },
    })
    const { root, registry, clock, states } = await registered([kid('b').spec, sub('sub', [a.spec])])
    expect(states()).toEqual({ root: 'READY', 'root/b': 'READY', 'root/sub': 'READY', 'root/sub/a': 'READY' })
    await clock.advance(10_000)
    expect(registry.get('root/sub/a')).toMatchObject({
      lastHealth: { at: 10_000, ok: false, failed: 1, of: 1 },
    })
    await clock.advance(1_000)
    const parent = await root.ref(supervisorResource, 'sub').ready()
    parent.ref('a').fail(new Error('lost'))
    await clock.advance(100)
    expect(registry.get('root/sub/a')).toEqual({
      path: 'root/sub/a',
      parent: 'root/sub',
      kind: 'scripted',
      name: 'a',
      displayName: 'a',
      state: 'READY',
      incarnation: 2,
      dependencies: [],
      since: 11_100,
      restarts: 1,
      lastError: expect.objectContaining({ code: 'EXO_RESOURCE_FAILED' }),
      suspended: false,
      routable: true,
    })
    expect(registry.counts()).toEqual({ scripted: { READY: 2 }, supervisor: { READY: 2 } })
    await root.close()
  })

  it('offers a child for work while it is READY, and not from the moment it is anything else', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, clock, registry, routable } = await registered([a.spec, kid('b').spec])
    const seen: string[] = []
    registry.subscribe(
      ({ type, entry }) => void seen.push(`${type} ${entry.name} ${entry.state} ${routable()}`),
    )
    expect(routable()).toEqual(['a', 'b'])
    const told: string[][] = []
    root.ref('a').subscribe(() => void told.push(routable()))
    root.ref('a').degrade('slow')
    expect(routable()).toEqual(['b'])
    a.lives[0]?.self.recovered()
    expect(routable()).toEqual(['b', 'a'])
    root.ref('a').fail('lost')
    expect(routable()).toEqual(['b'])
    a.lives[0]?.cleaned.resolve()
    await clock.advance(100)
    expect(told).toEqual([['b'], ['b', 'a'], ['b'], ['b'], ['b'], ['b'], ['b', 'a']])
    expect(seen.slice(0, 3)).toEqual(['changed a DEGRADED b', 'changed a READY b,a', 'changed a ERROR b'])
    a.lives[1]?.cleaned.resolve()
    await root.close()
  })

  it('forgets those that are removed, or could not start, or were left by a supervisor that gave up', async () => {
    const { root, clock, states, registry } = await registered([sub('sub', [kid('a').spec])])
    const parent = await root.ref(supervisorResource, 'sub').ready()
    await parent.start(kid('extra').typed)
    await parent.start(kid('gone').typed)
    await parent.remove('gone')
    const bad = kid('bad', { initialize: 'wait' })
    const starting = parent.start(bad.typed).catch(() => undefined)
    bad.lives[0]?.initialized.reject(new Error('bad'))
    await starting
    expect(Object.keys(states())).toEqual(['root', 'root/sub', 'root/sub/a', 'root/sub/extra'])
    root.ref('sub').fail('lost')
    await clock.advance(100)
    expect(states()).toEqual({ root: 'READY', 'root/sub': 'READY', 'root/sub/a': 'READY' })
    await root.close()
    expect(registry.size).toBe(0)
  })

  it('keeps a child that was stopped, and shows its successor of the same id in its place', async () => {
    const { root, states, routable } = await registered([kid('a').spec])
    await root.stop('a')
    expect(states()).toEqual({ root: 'READY', 'root/a': 'CLOSED' })
    await root.start(kid('a').typed)
    expect(states()).toEqual({ root: 'READY', 'root/a': 'READY' })
    expect(routable()).toEqual(['a'])
    await root.close()
  })

  it('takes in a resource without a supervisor until that is closed', async () => {
    const registry = new Registry(silentLog)
    const clock = new VirtualClock()
    const one = createResource(kid('x').definition, { input: {}, name: 'one', clock, registry })
    expect(registry.get('one')).toMatchObject({ state: 'UNINITIALIZED', routable: false, parent: '' })
    await one.initialize()
    expect(registry.routable('scripted')).toEqual([one])
    await one.close()
    expect(registry.size).toBe(0)
  })
})
