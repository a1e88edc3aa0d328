import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../src/resources/define.ts'
import { silentLog } from '../../src/resources/log.ts'
import { Registry } from '../../src/resources/registry.ts'
import type { ResourceRef } from '../../src/resources/types.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'
import { grow, kid } from './tree.ts'

/** A child whose client and whose handler both say which definition they are of. */
const answering = (kind: string) =>
  childSpec({
    id: 'a',
    input: {},
    resource: defineResource<object, { readonly kind: string }, string>({
      kind,
      machine: lifecycle,
      initialize: async () => ({ kind }),
      receive: client => `${client.kind} asked ${kind}`,
    }),
  })

describe('a reload', () => {
  it('gives a child that runs its new mailbox setting at once', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec])
    root.reload({ children: [{ ...a.spec, mailbox: 2 }] })
    root.suspend('a')
    const told = [1, 2, 3].map(() => root.ref('a').tell('x' as never))
    expect([root.spec('a').mailbox.capacity, told]).toEqual([2, [true, true, false]])
    await root.close()
  })

  it('lets the incarnation that runs handle its messages as before; the new definition holds from the next one on', async () => {
    const registry = new Registry(silentLog)
    const { root, clock } = await grow([answering('old')], { registry })
    root.reload({ children: [answering('new')] })
    const ref = root.ref('a') as ResourceRef<unknown, string>
    const routable = () => ['old', 'new'].map(kind => registry.routable(kind).length)
    expect([await ref.ask('who'), ref.kind, routable()]).toEqual(['old asked old', 'old', [1, 0]])
    ref.fail(new Error('lost'))
    await clock.advance(1_000)
    expect([await ref.ask('who'), ref.kind, routable()]).toEqual(['new asked new', 'new', [0, 1]])
    await root.close()
    expect(routable()).toEqual([0, 0])
  })

  it('can bring a listener for events, or another one, after a start without', async () => {
    const clock = new VirtualClock()
    const root = await supervise({ clock, children: [kid('a').spec] })
    const [first, second]: SupervisionEvent[][] = [[], []]
    root.reload({ onEvent: event => void first?.push(event) })
    await root.stop('a')
    expect(first?.map(({ type }) => type)).toEqual(['child_terminated', 'stopped'])
    root.reload({ onEvent: event => void second?.push(event) })
    await root.restart('a')
    await clock.settle()
    expect([first?.length, second?.map(({ type }) => type)]).toEqual([2, ['started', 'ready', 'restarted']])
    await root.close()
  })
})
