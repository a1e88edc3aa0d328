import { describe, expect, it, vi } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { lifecycleMachine } from '../../../machines/lifecycle.ts'
import { childSpec } from '../../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec, Supervisor } from '../../../src/supervision/types.ts'
import { scripted } from '../../resources/scripted.ts'
import { calm, kid } from '../../supervision/tree.ts'
import { EPOCH, viewed } from './viewing.ts'

const sub = (id: string, children: readonly AnyChildSpec[]) =>
  childSpec({ id, resource: supervisorResource, input: { children }, policy: { on: ['ERROR'] } })

const many = (count: number) => {
  const { definition } = scripted()
  return Array.from({ length: count }, (_, index) =>
    childSpec({ id: `k${index}`, resource: definition, input: {} }),
  )
}

/** How often somebody began to observe the XState system of a tree by its root. */
function countObservers(root: Supervisor): { readonly count: number } {
  const observers = { count: 0 }
  const inspect = root.inspect.bind(root)
  vi.spyOn(root, 'inspect').mockImplementation(observer => {
    observers.count += 1
    return inspect(observer)
  })
  return observers
}

describe('a viewer', () => {
  it('that comes late gets the whole tree, in parts, before anything else', async () => {
    const { root, open, flushed } = await viewed([sub('sub', [kid('a').spec]), ...many(1_200)])
    const { link, session } = open()
    await flushed()
    const [hello, ...rest] = link.messages
    expect(hello).toMatchObject({ type: 'hello', version: 1, node: { name: 'attic' } })
    expect(Object.keys(hello?.type === 'hello' ? hello.machines : {})).toEqual(['supervisor', 'lifecycle'])
    const parts = link.of('rows')
    expect(rest).toEqual(parts)
    expect(parts.map(({ rows, last }) => [rows.length, last])).toEqual([
      [500, false],
      [500, false],
      [203, true],
    ])
    const rows = parts.flatMap(part => part.rows)
    expect(rows.find(({ path }) => path === 'root/sub/a')).toEqual({
      path: 'root/sub/a',
      parent: 'root/sub',
      name: 'a',
      displayName: 'a',
      kind: 'scripted',
      state: 'READY',
      incarnation: 1,
      restarts: 0,
      since: EPOCH,
      suspended: false,
    })
    session.close()
    await root.close()
  })

  it('gets what changes while the tree is still on its way after the tree', async () => {
    const { root, clock, open, flushed } = await viewed(many(1_200))
    const { link, session } = open()
    root.ref('k0').fail('lost')
    await root.remove('k1199')
    await clock.advance(60)
    await flushed()
    const types = link.messages.map(({ type }) => type)
    expect(types.indexOf('changes')).toBeGreaterThan(types.lastIndexOf('rows'))
    const tree = new Map(link.of('rows').flatMap(({ rows }) => rows.map(row => [row.path, row] as const)))
    for (const { changed, removed } of link.of('changes')) {
      for (const path of removed) tree.delete(path)
      for (const row of changed) tree.set(row.path, row)
    }
    expect(tree.size).toBe(1_200)
    expect(tree.get('root/k0')).toMatchObject({ state: 'READY', incarnation: 2 })
    session.close()
    await root.close()
  })

  it('is told of a thousand changes of one resource once', async () => {
    const a = kid('a')
    const { root, open, flushed } = await viewed([a.spec, kid('b').spec])
    const { link, session } = open()
    await flushed()
    link.take()
    for (let count = 0; count < 1_000; count += 1) {
      root.ref('a').degrade('slow')
      a.lives[0]?.self.recovered()
    }
    root.ref('a').degrade('slow')
    await flushed()
    expect(link.of('changes')).toEqual([
      {
        type: 'changes',
        changed: [expect.objectContaining({ path: 'root/a', state: 'DEGRADED' })],
        removed: [],
      },
    ])
    session.close()
    await root.close()
  })

  it('is told of a resource that is gone, and not when another one has its place', async () => {
    const { root, view, open, flushed } = await viewed([kid('a').spec, kid('b').spec])
    const { link, session } = open()
    await flushed()
    link.take()
    const gone: string[] = []
    const leave = view.feed.subscribe(({ removed }) => void gone.push(...removed))
    await root.remove('a')
    await root.remove('b')
    await root.start(kid('b').typed)
    await flushed()
    const changes = link.of('changes')
    expect(changes.flatMap(({ removed }) => removed)).toEqual(['root/a'])
    expect(changes.flatMap(({ changed }) => changed.map(({ path }) => path))).toEqual(['root/b'])
    expect(gone).toEqual(['root/a'])
    leave()
    session.close()
    await root.close()
  })

  it('leaves nothing behind: the registry is not watched any more, and XState never was', async () => {
    const { root, registry, clock, open, flushed } = await viewed([kid('a').spec])
    const observers = countObservers(root)
    const [one, two] = [open(), open()]
    one.session.receive({ type: 'watch', paths: ['root/a'] })
    two.session.receive({ type: 'watch', paths: ['root/a', 'root/b'] })
    await flushed()
    expect([registry.isObserved, observers.count]).toEqual([true, 0])
    one.session.close()
    expect([registry.isObserved, observers.count]).toEqual([true, 0])
    two.session.receive({ type: 'watch', paths: [] })
    expect([registry.isObserved, observers.count]).toEqual([true, 0])
    two.session.close()
    expect(registry.isObserved).toBe(false)
    const told = one.link.take().length + two.link.take().length
    root.ref('a').fail('lost')
    await clock.advance(1_000)
    expect(told).toBeGreaterThan(0)
    expect([...one.link.messages, ...two.link.messages]).toEqual([])
    await root.close()
  })
})

describe('a viewer that watches an actor', () => {
  async function watching(a: ReturnType<typeof kid>, options = {}) {
    const world = await viewed([a.spec, kid('other').spec], options)
    const { link, session } = world.open()
    session.receive({ type: 'watch', paths: ['root/a'] })
    await world.flushed()
    return { ...world, link, session }
  }

  it('gets everything about it, and again at each change', async () => {
    const a = kid('a')
    const { root, link, session, flushed } = await watching(a)
    expect(link.of('detail')).toEqual([
      {
        type: 'detail',
        detail: expect.objectContaining({
          row: expect.objectContaining({ path: 'root/a', state: 'READY' }),
          machine: 'lifecycle',
          value: 'READY',
          spec: expect.objectContaining({ id: 'a', kind: 'scripted' }),
          window: { used: 0, limit: 3, within: 60_000 },
          circuit: 'closed',
          mailbox: { waiting: 0, deadLetters: 0, lateAnswers: 0 },
        }),
      },
    ])
    link.take()
    root.ref('a').fail('lost')
    await flushed()
    const detail = link.of('detail').at(-1)?.detail
    expect(detail).toMatchObject({ row: { incarnation: 2 }, window: { used: 1 }, attempt: 1 })
    expect(detail?.lastError).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    // The decision of the supervisor, and why.
    const types = detail?.history.map(({ type }) => type)
    expect(types).toContain('backoff_scheduled')
    expect(detail?.history.find(({ type }) => type === 'failed')).toMatchObject({
      directive: 'restart',
      error: { code: 'EXO_RESOURCE_FAILED' },
    })
    session.close()
    await root.close()
  })

  it('is told which transitions fired, through its incarnations, and of no other actor', async () => {
    const a = kid('a')
    const { root, link, session, flushed } = await watching(a)
    root.ref('a').fail('lost')
    root.ref('other').degrade('slow')
    await flushed()
    const told = link.of('transitions').flatMap(({ transitions }) => transitions)
    expect(
      told.map(({ path, incarnation, event, from, to }) => [path, incarnation, event, from, to]),
    ).toEqual([
      ['root/a', 1, 'fail', 'READY', 'ERROR'],
      ['root/a', 1, 'close', 'ERROR', 'CLOSING'],
      ['root/a', 1, 'closed', 'CLOSING', 'CLOSED'],
      ['root/a', 2, 'initialize', 'UNINITIALIZED', 'INITIALIZING'],
      ['root/a', 2, 'initialized', 'INITIALIZING', 'READY'],
    ])
    expect(link.of('detail').at(-1)?.detail.lastTransition).toMatchObject({
      event: 'initialized',
      incarnation: 2,
    })
    session.close()
    await root.close()
  })

  it('sees that its machine threw, which is no transition', async () => {
    const machine = lifecycleMachine({
      id: 'fragile',
      description: 'one that breaks',
      facts: {},
      working: {
        initial: 'whole',
        states: { whole: { description: 'It works.', on: { crack: { actions: 'crack' } } } },
      },
      actions: {
        crack: () => {
          throw new Error('it is broken')
        },
      },
    })
    const made = scripted({}, machine, 'fragile')
    const spec = childSpec({ id: 'a', resource: made.definition, input: {} })
    const { root, open, flushed, clock } = await viewed([spec])
    const { link, session } = open()
    session.receive({ type: 'watch', paths: ['root/a'] })
    await flushed()
    made.lives[0]?.self.send({ type: 'crack' })
    await clock.advance(80)
    const told = link.of('transitions').flatMap(({ transitions }) => transitions)
    expect(told[0]).toMatchObject({ incarnation: 1, event: 'xstate.error', from: 'READY', to: 'ERROR' })
    expect(link.of('detail').at(-1)?.detail.lastError).toMatchObject({ causes: ['it is broken'] })
    session.close()
    await root.close()
  })

  it('sees that it was stopped', async () => {
    const a = kid('a')
    const { root, link, session, flushed } = await watching(a)
    await root.stop('a')
    await flushed()
    const told = link.of('transitions').flatMap(({ transitions }) => transitions)
    expect(told.at(-1)).toMatchObject({ to: 'CLOSED' })
    expect(link.of('detail').at(-1)?.detail).toMatchObject({ row: { state: 'CLOSED' }, value: 'CLOSED' })
    expect(link.of('detail').at(-1)?.detail.history.at(-1)).toMatchObject({
      type: 'stopped',
      reason: 'stopped by hand',
    })
    session.close()
    await root.close()
  })

  it('gets its messages and answers, of a flood the newest', async () => {
    const a = kid('a')
    const { root, link, session, flushed } = await watching(a)
    await root.ref('a').ask('hello')
    await flushed()
    const first = link.of('trace').flatMap(({ events }) => events)
    expect(first.map(({ type, text }) => [type, text])).toEqual([
      ['delivered', '"hello"'],
      ['answered', '"hello"'],
    ])
    expect(first[0]?.time).toBeGreaterThanOrEqual(EPOCH)
    link.take()
    for (let count = 0; count < 900; count += 1) root.ref('a').tell(`message ${count}`)
    await flushed()
    const lines = link.of('trace').flatMap(({ events }) => events)
    expect(lines.length).toBe(200)
    expect(lines.at(-1)?.text).toBe('"message 899"')
    session.close()
    await root.close()
  })

  it('follows it behind a supervisor that restarts, and is told when it comes back', async () => {
    const a = kid('a')
    const { root, registry, open, flushed, clock } = await viewed([sub('sub', [a.spec])])
    const { link, session } = open()
    session.receive({ type: 'watch', paths: ['root/sub/a'] })
    await flushed()
    registry.ref('root/sub').fail('lost')
    await clock.advance(1_000)
    link.take()
    await registry.ref('root/sub/a').ask('again')
    await flushed()
    expect(link.of('trace').length).toBe(1)
    session.close()
    await root.close()
  })

  it('of which there is nothing yet is told when it comes', async () => {
    const { root, open, flushed } = await viewed([])
    const { link, session } = open()
    session.receive({ type: 'watch', paths: ['root/late'] })
    await flushed()
    expect(link.of('detail')).toEqual([])
    await root.start(kid('late').typed)
    await flushed()
    expect(link.of('detail').at(-1)?.detail.row).toMatchObject({ path: 'root/late', state: 'READY' })
    session.close()
    await root.close()
  })

  it('leaves observers of others alone, and is told the same transitions beside them', async () => {
    const seen: InspectionEvent[] = []
    const { root, open, flushed } = await viewed([kid('a').spec], { inspect: event => void seen.push(event) })
    const { link, session } = open()
    session.receive({ type: 'watch', paths: ['root/a'] })
    await flushed()
    root.ref('a').degrade('slow')
    await flushed()
    const told = link.of('transitions').flatMap(({ transitions }) => transitions)
    expect(told).toMatchObject([{ event: 'degrade', from: 'READY', to: 'DEGRADED', incarnation: 1 }])
    session.close()
    const before = seen.length
    root.ref('a').fail('lost')
    await flushed()
    expect(seen.length).toBeGreaterThan(before)
    await root.close()
  })
})

describe('a viewer that sends', () => {
  it('a command gets its answer', async () => {
    const { root, open, flushed } = await viewed([kid('a').spec])
    const { link, session } = open()
    session.receive({ type: 'command', id: 7, command: 'restart', path: 'root/a' })
    session.receive({ type: 'command', id: 8, command: 'restart', path: 'root/b' })
    await flushed()
    expect(link.of('answer')).toContainEqual({
      type: 'answer',
      id: 7,
      result: { path: 'root/a', state: 'READY', incarnation: 2, suspended: false },
    })
    expect(link.of('answer').find(({ id }) => id === 8)?.error).toMatchObject({
      code: 'EXO_CHILD_UNKNOWN',
      message: expect.stringContaining('did you mean "root/a"?'),
    })
    session.close()
    await root.close()
  })

  const wrong: readonly [string, unknown][] = [
    ['nothing', undefined],
    ['a text', 'restart'],
    ['a command that is none', { type: 'command', id: 3, command: 'explode', path: 'root/a' }],
    ['a field too many', { type: 'command', id: 3, command: 'fail', path: 'root/a', sudo: true }],
    ['too many paths', { type: 'watch', paths: Array.from({ length: 17 }, () => 'root/a') }],
    ['an event of the lifecycle', { type: 'initialized', id: 3, path: 'root/a' }],
  ]
  it.each(wrong)('%s is refused, and nothing changes', async (_, message) => {
    const { root, registry, events, open, flushed } = await viewed([kid('a').spec])
    const { link, session } = open()
    const before = events.length
    session.receive(message)
    await flushed()
    const id = (message as { id?: number } | undefined)?.id ?? 0
    expect(link.of('answer')).toEqual([
      { type: 'answer', id, error: expect.objectContaining({ code: 'EXO_REQUEST_INVALID' }) },
    ])
    expect([events.length, registry.get('root/a').state]).toEqual([before, 'READY'])
    session.close()
    await root.close()
  })

  it('more commands than it waits for is refused', async () => {
    const a = kid('a', {}, { policy: { ...calm, startTimeout: 60_000 } })
    const { root, open, flushed } = await viewed([a.spec])
    a.script.initialize = 'wait'
    const { link, session } = open()
    for (let id = 0; id < 17; id += 1)
      session.receive({ type: 'command', id, command: 'restart', path: 'root/a' })
    await flushed()
    expect(link.of('answer')).toEqual([
      { type: 'answer', id: 16, error: expect.objectContaining({ code: 'EXO_REQUEST_INVALID' }) },
    ])
    for (const { initialized } of a.lives) initialized.resolve()
    session.close()
    await root.close()
  })
})

describe('a viewer that stops reading', () => {
  it('gets nothing more, and of each resource only the newest row when it reads again', async () => {
    const a = kid('a')
    const { root, clock, open, flushed } = await viewed([a.spec, ...many(600)])
    const { link, session } = open()
    session.receive({ type: 'watch', paths: ['root/a'] })
    await flushed()
    link.take()
    link.isFull = true
    for (let round = 0; round < 50; round += 1) {
      for (let index = 0; index < 600; index += 1) root.ref(`k${index}`).degrade('slow')
      for (let count = 0; count < 20; count += 1) root.ref('a').tell(`message ${count}`)
      await clock.advance(60)
      root.suspend('a')
      root.resume('a')
    }
    expect(link.messages).toEqual([])
    link.isFull = false
    session.drained()
    await clock.settle()
    const rows = link.of('changes').flatMap(({ changed }) => changed)
    expect(rows.length).toBe(new Set(rows.map(({ path }) => path)).size)
    expect(rows.length).toBeGreaterThan(600)
    expect(link.of('trace').flatMap(({ events }) => events).length).toBeLessThanOrEqual(200)
    session.close()
    await root.close()
  })

  it('gets the tree anew when it has missed too much', async () => {
    const { root, open, flushed } = await viewed([kid('a').spec])
    const { link, session } = open()
    await flushed()
    link.take()
    link.isFull = true
    // Many that come and go: it has never heard of any of them.
    const { definition } = scripted()
    for (let round = 0; round < 21; round += 1) {
      const ids = Array.from({ length: 1_000 }, (_, index) => `t${round}.${index}`)
      await Promise.all(ids.map(id => root.start({ id, resource: definition, input: {} })))
      await flushed()
      await Promise.all(ids.map(id => root.remove(id)))
      await flushed()
    }
    link.isFull = false
    session.drained()
    await flushed()
    expect(link.messages[0]?.type).toBe('hello')
    expect(
      link
        .of('rows')
        .flatMap(({ rows }) => rows)
        .map(({ path }) => path),
    ).toEqual(['root', 'root/a'])
    session.close()
    await root.close()
  })
})
