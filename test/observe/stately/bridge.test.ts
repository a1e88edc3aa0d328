import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../../machines/lifecycle.ts'
import { createMachineActor } from '../../../src/actors/create-actor.ts'
import { realClock } from '../../../src/concurrency/clock.ts'
import { StatelyBridge } from '../../../src/observe/stately/bridge.ts'
import type { Supervisor } from '../../../src/supervision/types.ts'
import { fragile, pictureOf, plantTree, type Told } from './tree.ts'

/** A viewer's socket that takes what it is told at once, or nothing at all. */
class FakeSocket {
  readonly told: Told[] = []
  bufferedAmount = 0
  isReading = true
  readonly #unsent: (() => void)[] = []

  send(text: string, sent: () => void): void {
    this.told.push(JSON.parse(text))
    if (this.isReading) queueMicrotask(sent)
    else {
      this.bufferedAmount += text.length
      this.#unsent.push(sent)
    }
  }

  /** Reads all that waits. */
  read(): void {
    this.isReading = true
    this.bufferedAmount = 0
    for (const sent of this.#unsent.splice(0)) sent()
  }

  async settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise<void>(resolve => setImmediate(resolve))
  }
}

function bridgeTo(root: Supervisor): { readonly bridge: StatelyBridge; readonly attached: () => number } {
  let attached = 0
  const bridge = new StatelyBridge(
    observer => {
      attached += 1
      const detach = root.inspect(observer)
      return () => {
        attached -= 1
        detach()
      }
    },
    () => 42,
  )
  return { bridge, attached: () => attached }
}

const below = (root: Supervisor) => root.ref('below').client as unknown as Supervisor

describe('the bridge to the inspector of Stately', () => {
  it('tells a viewer of every living actor first, with machine, parent and snapshot', async () => {
    await using root = await plantTree()
    const { bridge } = bridgeTo(root)
    const socket = new FakeSocket()
    bridge.connect(socket)
    await socket.settled()
    expect(socket.told.map(({ type }) => type)).toEqual(Array(7).fill('@xstate.actor'))
    const [first, ...others] = socket.told
    expect(first).toMatchObject({
      name: 'root#1',
      rootId: first?.sessionId,
      createdAt: '42',
      _version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      snapshot: { status: 'active', value: { READY: 'idle' }, context: { kind: 'supervisor' }, children: {} },
    })
    expect(first).not.toHaveProperty('parentId')
    const known = new Set([first?.sessionId])
    for (const { sessionId, parentId, rootId } of others) {
      expect([known.has(parentId), rootId]).toEqual([true, first?.sessionId])
      known.add(sessionId)
    }
    const kid = others.find(({ name }) => name === 'kid0#1')
    expect(JSON.parse(kid?.definition ?? '')).toMatchObject({ id: 'lifecycle', states: { READY: {} } })
  })

  it('then tells of each event and of the state after it', async () => {
    await using root = await plantTree()
    const { bridge } = bridgeTo(root)
    const socket = new FakeSocket()
    bridge.connect(socket)
    await socket.settled()
    socket.told.length = 0
    root.ref('one').degrade(new Error('slow'))
    expect(socket.told).toMatchObject([
      { type: '@xstate.event', event: { type: 'degrade' } },
      { type: '@xstate.snapshot', event: { type: 'degrade' }, snapshot: { value: 'DEGRADED' } },
    ])
  })

  it('tells of an actor that was stopped, of one that threw, and of those that come after them', async () => {
    await using root = await plantTree()
    const { bridge } = bridgeTo(root)
    const socket = new FakeSocket()
    bridge.connect(socket)
    await socket.settled()
    const egg = root.ref(fragile, 'egg')
    const gone = new Promise(resolve => egg.monitor(resolve))
    egg.client?.burst()
    await gone
    await root.restart('one')
    await below(root).stop('kid1')
    const picture = pictureOf(socket.told)
    expect(Object.fromEntries(picture)).toMatchObject({
      'egg#1': 'error',
      'one#1': 'done',
      'one#2': 'READY',
      'kid0#1': 'READY',
      'kid1#1': 'done',
    })
    const burst = socket.told.find(({ snapshot }) => snapshot?.status === 'error')
    expect(burst?.snapshot).toMatchObject({
      error: { name: 'TypeError', message: 'it burst' },
      value: { READY: 'whole' },
    })
  })

  it('tells of an actor that was stopped with its parent', async () => {
    const listener = { changed() {}, crashed() {}, stopped() {} }
    const options = { input: {}, clock: realClock, listener }
    const parent = createMachineActor(lifecycle, { ...options, id: 'parent' })
    const child = createMachineActor(lifecycle, { ...options, id: 'child', parent })
    parent.start()
    child.start()
    const bridge = new StatelyBridge(
      observer => parent.inspect(observer, () => undefined),
      () => 42,
    )
    const socket = new FakeSocket()
    bridge.connect(socket)
    await socket.settled()
    parent.send({ type: 'close' })
    expect(Object.fromEntries(pictureOf(socket.told))).toEqual({ parent: 'done', child: 'stopped' })
  })

  it('never tells of the children of an actor in its snapshots', async () => {
    await using root = await plantTree(50)
    const { bridge } = bridgeTo(root)
    const socket = new FakeSocket()
    bridge.connect(socket)
    await socket.settled()
    await below(root).restart('kid7')
    for (const { snapshot } of socket.told) if (snapshot) expect(snapshot.children).toEqual({})
    expect(socket.told.length).toBeGreaterThan(53)
  })

  it('tells one who comes late, after five hundred events, of all that live, and of none that are gone', async () => {
    await using root = await plantTree()
    const { bridge } = bridgeTo(root)
    const early = new FakeSocket()
    bridge.connect(early)
    const one = root.ref('one')
    while (early.told.length < 500) {
      one.degrade(new Error('again'))
      await root.restart('one')
    }
    const late = new FakeSocket()
    bridge.connect(late)
    await late.settled()
    await below(root).restart('kid0')
    const picture = pictureOf(late.told)
    expect(picture.get(`one#${one.incarnation}`)).toBe('READY')
    expect([...picture.keys()].filter(name => name.startsWith('one#'))).toHaveLength(1)
    expect(picture.get('kid0#2')).toBe('READY')
    expect(pictureOf(early.told).get('kid0#2')).toBe('READY')
  })

  it('observes the system only while there is a viewer', async () => {
    await using root = await plantTree()
    const { bridge, attached } = bridgeTo(root)
    expect([attached(), bridge.isAttached]).toEqual([0, false])
    const [first, second] = [new FakeSocket(), new FakeSocket()]
    const leave = [bridge.connect(first), bridge.connect(second)]
    expect([attached(), bridge.viewers]).toEqual([1, 2])
    leave[0]?.()
    expect(attached()).toBe(1)
    leave[1]?.()
    leave[1]?.()
    expect([attached(), bridge.viewers]).toEqual([0, 0])
    const before = second.told.length
    await root.restart('one')
    expect(second.told).toHaveLength(before)
    const third = new FakeSocket()
    bridge.connect(third)
    await third.settled()
    expect(pictureOf(third.told).get('one#2')).toBe('READY')
  })

  it('keeps a bounded amount for a viewer that does not read, and gives it the truth when it reads again', async () => {
    await using root = await plantTree()
    const { bridge } = bridgeTo(root)
    const [slow, quick] = [new FakeSocket(), new FakeSocket()]
    bridge.connect(slow)
    bridge.connect(quick)
    await quick.settled()
    slow.isReading = false
    for (let round = 0; round < 500; round += 1) {
      root.ref('one').degrade(new Error('x'.repeat(1_000)))
      await root.restart('one')
    }
    await below(root).stop('kid2')
    const most = 1_048_576 + 100_000
    expect(slow.bufferedAmount).toBeLessThan(most)
    expect(slow.told.length).toBeLessThan(quick.told.length / 2)
    slow.read()
    await slow.settled()
    const living = (told: readonly Told[]) =>
      [...pictureOf(told)].filter(([, state]) => state !== 'done').sort(([a], [b]) => (a < b ? -1 : 1))
    expect(living(slow.told)).toEqual(living(quick.told))
    expect(pictureOf(slow.told).get('kid2#1')).toBe('done')
    const before = slow.told.length
    root.ref('one').degrade(new Error('slow'))
    expect(slow.told.length).toBe(before + 2)
  })

  it('tells a tree of a thousand part by part', async () => {
    await using root = await plantTree(1_000)
    const { bridge } = bridgeTo(root)
    const socket = new FakeSocket()
    bridge.connect(socket)
    expect(socket.told.length).toBeLessThan(200)
    await socket.settled()
    expect(pictureOf(socket.told).size).toBe(1_004)
  })
})
