/**
 * The classes of the specification (a resource, a network resource, a group, scoped use), held against each way in which their first
 * implementation, in Python, failed to do what its documents promise. The numbers are those of its list of defects:
 *
 * - 1 (names and types cannot be given), 2 (showing the state crashes), 3 (no ensure_ready), 4 (the health hook is never called),
 *   5 (operations are called without their arguments), 6 (scoped use never cleans up), 7 (a retry that never runs), 8 (cancelling a caller
 *   wedges the resource), 9 (closing waits for the start), 14 (a group that fails stays half up), 15 (a name used twice drops
 *   the newer work), 18 (unhealthy once its start has ended), 19 (waiting for oneself), 22 (one slow member delays all): here
 * - 10, 11, 12, 13, 20 (pools and channels): test/resources/pool-known-faults.test.ts, test/network/channel-pool.test.ts
 * - 15 (tokens are lost): test/cluster/session.test.ts; 16, 17 (announcements): test/discovery and test/network/identity.test.ts;
 *   21 (downloads), and callbacks, streams and the command line: with those features
 * - 23 (its own tests fail): this suite
 *
 * The rules of its lifecycle that differ from its documents (states, transitions, thresholds, jitter, reconnecting, groups): here.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lifecycle, lifecycleStates } from '../../../machines/index.ts'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { seededRandom } from '../../../src/concurrency/random.ts'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../../src/resources/create.ts'
import { defineResource } from '../../../src/resources/define.ts'
import { createResourceGroup } from '../../../src/resources/group.ts'
import { networkResource } from '../../../src/resources/network-resource.ts'
import { withResource } from '../../../src/resources/use.ts'
import { fakeNetwork, socketError } from '../../resources/fake-network.ts'
import { type Script, scripted } from '../../resources/scripted.ts'
import { unhandledRejections } from '../../resources/unhandled.ts'
import { grow, kid } from '../../supervision/tree.ts'

const leaks = unhandledRejections()
beforeEach(leaks.watch)
afterEach(leaks.expectNone)

const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)

function resourceOf(changes: Partial<Script> = {}, options = {}) {
  const clock = new VirtualClock()
  const made = scripted(changes)
  const resource = createResource(made.definition, { name: 'a', input: {}, clock, ...options })
  return { clock, resource, ...made }
}

describe('a resource', () => {
  it('is created with a name, a type and a display name, which every snapshot shows (1)', async () => {
    const peer = defineResource<{ address: string }, number>({
      kind: 'peer-handle',
      machine: lifecycle,
      initialize: async () => 1,
      displayName: ({ address }) => `Peer at ${address}`,
    })
    const clock = new VirtualClock()
    const alone = createResource(peer, { name: 'abc', input: { address: 'attic:1' }, clock })
    const shown = { kind: 'peer-handle', name: 'abc', displayName: 'Peer at attic:1' }
    expect(alone.snapshot()).toMatchObject(shown)
    const group = createResourceGroup({ clock })
    await group.addResource(peer, { name: 'abc', input: { address: 'attic:1' } })
    expect(group.statuses()).toMatchObject([shown])
  })

  it('can be shown in each of its states, as plain data (2)', async () => {
    const { resource, lives, clock } = resourceOf({ initialize: 'wait', cleanup: 'wait' })
    const seen = new Set<string>()
    const look = () => {
      const snapshot = resource.snapshot()
      expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
      seen.add(snapshot.state)
    }
    look()
    resource.subscribe(look)
    void caught(resource.initialize())
    lives[0]?.initialized.resolve()
    await clock.settle()
    lives[0]?.self.degrade('slow')
    lives[0]?.self.fail(new Error('crash'))
    const closing = resource.close()
    lives[0]?.cleaned.resolve()
    await closing
    expect([...seen].sort()).toEqual([...lifecycleStates].sort())
  })

  it('makes its callers sure that it is ready, in every state: they get the client, wait for it, or hear why not (3)', async () => {
    const { resource, lives, clock, definition } = resourceOf({ initialize: 'wait' })
    const early = resource.ready()
    void resource.initialize()
    const starting = resource.ready()
    lives[0]?.initialized.resolve()
    expect(await Promise.all([early, starting, resource.ready()])).toEqual(Array(3).fill(lives[0]?.client))
    lives[0]?.self.degrade('slow')
    const degraded = resource.ready()
    lives[0]?.self.recovered()
    expect(await degraded).toBe(lives[0]?.client)
    lives[0]?.self.fail(new Error('crash'))
    expect(await caught(resource.ready())).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await resource.close()
    const closed = createResource(definition, { name: 'b', input: {}, clock })
    await closed.close()
    expect(await caught(closed.ready())).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('below a supervisor makes them sure of it through a restart (3)', async () => {
    const child = kid('a')
    const { root, clock } = await grow([child.spec])
    child.lives[0]?.self.fail(new Error('crash'))
    const waiting = root.ref(child.definition, 'a').ready()
    await clock.advance(100)
    expect(await waiting).toEqual({ life: 2 })
    await root.close()
  })

  it('is checked by the hook that it has, and a hook under another name is refused (4)', async () => {
    const { resource, clock } = resourceOf({ check: () => Promise.reject(new Error('no answer')) })
    await resource.initialize()
    await clock.advance(30_000)
    expect(resource.state).toBe('DEGRADED')
    await resource.close()
    const misnamed = {
      kind: 'a',
      machine: lifecycle,
      initialize: async () => 1,
      healthCheck: async () => undefined,
    }
    expect(() => defineResource(misnamed)).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: expect.stringContaining('healthCheck is a function that nothing calls'),
      }),
    )
  })

  it('is not degraded by one bad check, nor healed by one good one while the last checks were bad', async () => {
    const answers = [false, true, false, false, true, true, true, true]
    const { resource, clock } = resourceOf({
      check: async () => {
        if (!(answers.shift() ?? true)) throw new Error('no answer')
      },
    })
    await resource.initialize()
    const states: string[] = []
    for (let check = 0; check < 7; check += 1) {
      await clock.advance(10_000)
      states.push(resource.state)
    }
    expect(states).toEqual(['READY', 'READY', 'READY', 'DEGRADED', 'DEGRADED', 'DEGRADED', 'READY'])
    await resource.close()
  })

  it('goes on when a caller is cancelled who waits for its start: others get it, and it is never wedged (8)', async () => {
    const { resource, lives } = resourceOf({ initialize: 'wait' })
    const abort = new AbortController()
    const cancelled = caught(resource.initialize({ signal: abort.signal }))
    abort.abort()
    expect(await cancelled).toMatchObject({ code: 'EXO_ABORTED' })
    const other = resource.initialize()
    lives[0]?.initialized.resolve()
    expect(await other).toBe(lives[0]?.client)
    await resource.close()
  })

  it('aborts its start when it is closed meanwhile, and does not wait for it to succeed (9)', async () => {
    const clock = new VirtualClock()
    const slow = defineResource<object, number>({
      kind: 'slow',
      machine: lifecycle,
      initialize: ({ signal }) =>
        new Promise((resolve, reject) => {
          const timer = clock.setTimeout(() => resolve(1), 1_000)
          signal.addEventListener('abort', () => {
            clock.clearTimeout(timer)
            reject(signal.reason)
          })
        }),
    })
    const resource = createResource(slow, { input: {}, clock })
    const waiting = caught(resource.initialize())
    await clock.advance(50)
    await resource.close()
    expect([clock.now(), clock.pending, resource.state]).toEqual([50, 0, 'CLOSED'])
    expect(await waiting).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('that is closed stays closed: a successor is a new one', async () => {
    const { resource, lives } = resourceOf()
    await resource.initialize()
    await resource.close()
    expect(await caught(resource.initialize())).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect([resource.state, lives.length]).toEqual(['CLOSED', 1])
  })

  it('is CLOSED also when its cleanup fails, and tells of it', async () => {
    const { resource, lives, clock } = resourceOf({ cleanup: 'wait' })
    await resource.initialize()
    const closing = resource.close()
    await clock.settle()
    lives[0]?.cleaned.reject(new Error('disk full'))
    await closing
    expect(resource.state).toBe('CLOSED')
    expect(resource.cleanupFailure).toMatchObject({
      message: 'the cleanup of scripted "a" failed: disk full',
    })
  })

  it('is as healthy after its start has ended as it was at that moment (18)', async () => {
    const { resource, clock } = resourceOf()
    await resource.initialize()
    await clock.advance(3_600_000)
    expect(resource.state).toBe('READY')
    await resource.close()
  })

  it('may be asked and used by whoever is just being told of it, without waiting for itself (19)', async () => {
    const { definition, wires } = fakeNetwork({ retry: { backoff: { jitter: 'none', initial: 1 } } })
    const clock = new VirtualClock()
    const resource = createResource(definition, { name: 'a', input: {}, clock })
    const answers: Promise<unknown>[] = []
    resource.subscribe(({ state }) => {
      if (state === 'READY') answers.push(resource.initialize())
      if (state === 'DEGRADED')
        answers.push(resource.client?.reconnect() ?? Promise.reject(new Error('no client')))
    })
    const client = await resource.initialize()
    await client.reconnect()
    expect(await Promise.all(answers)).toEqual([client, wires[1], client])
    expect(wires).toHaveLength(2)
    const group = createResourceGroup({ clock })
    group.subscribe(() => answers.push(group.initialize().catch(() => undefined)))
    await group.initialize()
    await group.close()
    await resource.close()
  })
})

describe('scoped use', () => {
  it('always cleans up, and waits for it: by withResource and by await using (6)', async () => {
    const { definition, lives, script, clock } = resourceOf()
    expect(await withResource(definition, { input: {}, clock }, ({ life }) => life)).toBe(1)
    {
      await using resource = createResource(definition, { input: {}, clock })
      await resource.initialize()
    }
    expect(lives.map(({ cleanups }) => cleanups.length)).toEqual([1, 1])
    script.cleanup = 'wait'
    let ended = false
    const waiting = withResource(definition, { input: {}, clock }, () => 1).then(() => {
      ended = true
    })
    await clock.settle()
    expect(ended).toBe(false)
    lives[2]?.cleaned.resolve()
    await waiting
  })

  it('starts nothing that it does not close when its caller is cancelled during the start (8)', async () => {
    const { definition, lives, clock } = resourceOf({ initialize: 'wait' })
    const abort = new AbortController()
    const waiting = caught(withResource(definition, { input: {}, clock, signal: abort.signal }, () => 1))
    await clock.settle()
    abort.abort()
    lives[0]?.initialized.resolve()
    expect(await waiting).toMatchObject({ code: 'EXO_ABORTED' })
    expect([lives[0]?.cleanups.length, clock.pending]).toEqual([1, 0])
  })
})

describe('a network resource', () => {
  const calm = { backoff: { initial: 100, jitter: 'none' } } as const

  it('hands each operation its connection, a signal and the number of the attempt (5)', async () => {
    const { definition, wires } = fakeNetwork()
    const resource = createResource(definition, { input: {}, clock: new VirtualClock() })
    const client = await resource.initialize()
    const seen = await client.withConnection((wire, { signal, attempt }) => [wire, signal, attempt])
    expect(seen).toEqual([wires[0], expect.any(AbortSignal), 1])
    await resource.close()
  })

  it('really runs the operations that it repeats, and waits for each of them (7)', async () => {
    const { definition } = fakeNetwork({ retry: calm })
    const clock = new VirtualClock()
    const resource = createResource(definition, { input: {}, clock })
    const client = await resource.initialize()
    let runs = 0
    const answer = deferred<string>()
    const waiting = client.withConnection(() => {
      runs += 1
      return runs < 3 ? Promise.reject(socketError('ECONNRESET')) : answer.promise
    })
    await clock.advance(300)
    expect(runs).toBe(3)
    answer.resolve('done')
    expect(await waiting).toBe('done')
    const timed = caught(
      client.withConnection(() => new Promise(() => undefined), { timeout: 50, retries: 0 }),
    )
    await clock.advance(50)
    expect(await timed).toMatchObject({ code: 'EXO_PEER_TIMEOUT' })
    await resource.close()
    expect(clock.pending).toBe(0)
  })

  it('spreads the retries of many resources, which fail in the same moment, over the time', async () => {
    const clock = new VirtualClock()
    const random = seededRandom(3)
    const { definition } = fakeNetwork({ retry: { backoff: { initial: 1_000 } } })
    const moments = new Set<number>()
    const resources = Array.from({ length: 50 }, (_, index) =>
      createResource(definition, { name: `n${index}`, input: {}, clock, random }),
    )
    const done = resources.map(async resource => {
      const client = await resource.initialize()
      await client.withConnection((_, { attempt }) => {
        if (attempt === 1) throw socketError('EPIPE')
        moments.add(clock.now())
      })
    })
    await clock.advance(1_000)
    await Promise.all(done)
    expect(moments.size).toBe(50)
    expect(Math.max(...moments) - Math.min(...moments)).toBeGreaterThan(800)
    await Promise.all(resources.map(resource => resource.close()))
  })

  it('reconnects in place: the same resource, the same incarnation, never through CLOSED', async () => {
    const { definition, wires } = fakeNetwork()
    const resource = createResource(definition, { input: {}, clock: new VirtualClock() })
    const client = await resource.initialize()
    const states: string[] = []
    resource.subscribe(({ state }) => states.push(state))
    expect(await client.reconnect()).toBe(wires[1])
    expect([resource.client, resource.incarnation, states]).toEqual([client, 1, ['DEGRADED', 'READY']])
    await resource.close()
  })

  it('cures what can be cured of a hundred calls over a bad network, with few connections', async () => {
    const clock = new VirtualClock()
    const random = seededRandom(42)
    const open = new Set<object>()
    const bad = networkResource({
      kind: 'bad-network',
      async connect() {
        if (random() < 0.1) throw socketError('ECONNREFUSED')
        const connection = {}
        open.add(connection)
        return connection
      },
      async disconnect(connection) {
        open.delete(connection)
      },
      retry: { retries: 5 },
    })
    const faults = ['ETIMEDOUT', 'ECONNRESET', 'INTERNAL']
    const call = (connection: object) => {
      const dice = random()
      if (!open.has(connection)) throw new Error('a dead connection was used')
      if (dice < 0.15) throw socketError(faults[Math.floor(dice / 0.05)] ?? '')
      return 'answer'
    }
    const resource = createResource(bad, { input: {}, clock, random })
    const client = await resource.initialize()
    let answers = 0
    let internal = 0
    for (let number = 0; number < 100; number += 1) {
      const result = caught(client.withConnection(call))
      await clock.advance(300_000)
      if ((await result) === 'answer') answers += 1
      else if (((await result) as Error).message === 'INTERNAL') internal += 1
    }
    const { connects, retries } = client.statistics()
    expect(answers + internal).toBe(100)
    expect(internal).toBeGreaterThan(0)
    expect(connects).toBe(1 + retries - client.statistics().connectFailures)
    await resource.close()
    expect([open.size, clock.pending]).toEqual([0, 0])
  })
})

describe('a group', () => {
  it('that fails to start leaves no member up, and no promise unheard (14)', async () => {
    const clock = new VirtualClock()
    const good = scripted()
    const bad = scripted({ initialize: 'wait' })
    const group = createResourceGroup({ clock })
    await group.addResource(good.definition, { name: 'good', input: {} })
    for (const name of ['bad', 'worse']) await group.addResource(bad.definition, { name, input: {} })
    const waiting = caught(group.initialize())
    await clock.settle()
    for (const life of bad.lives) life.initialized.reject(new Error('no route'))
    expect(await waiting).toMatchObject({ details: { name: 'bad', failures: [{ name: 'worse' }] } })
    expect(good.lives[0]?.cleanups).toHaveLength(1)
    expect(group.statuses().map(({ state }) => state)).toEqual(['CLOSED', 'CLOSED', 'CLOSED'])
    expect(clock.pending).toBe(0)
  })

  it('refuses a name that it has, instead of dropping the newer resource (15)', async () => {
    const { definition } = scripted()
    const other = scripted().definition
    const group = createResourceGroup({ clock: new VirtualClock() })
    const first = await group.addResource(definition, { name: 'a', input: {} })
    expect(await caught(group.addResource(other, { name: 'a', input: {} }))).toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    expect(group.getResource(definition, 'a')).toBe(first)
  })

  it('starts and closes by dependency, which the first implementation only wished for', async () => {
    const order: string[] = []
    const part = defineResource<object, string>({
      kind: 'part',
      machine: lifecycle,
      async initialize({ self }) {
        order.push(`+${self.name}`)
        return self.name
      },
      async cleanup(client) {
        order.push(`-${client}`)
      },
    })
    const group = createResourceGroup({ clock: new VirtualClock(), closeOrder: 'parallel' })
    const needs = { network: [], disk: [], index: ['disk'], server: ['network', 'index'] }
    for (const [name, dependsOn] of Object.entries(needs)) {
      await group.addResource(part, { name, input: {}, dependsOn })
    }
    await group.initialize()
    await group.close()
    for (const [name, dependsOn] of Object.entries(needs)) {
      for (const other of dependsOn) {
        expect(order.indexOf(`+${other}`)).toBeLessThan(order.indexOf(`+${name}`))
        expect(order.indexOf(`-${other}`)).toBeGreaterThan(order.indexOf(`-${name}`))
      }
    }
  })

  it('does not let one slow member delay the others that do not need it (22)', async () => {
    const clock = new VirtualClock()
    const slow = scripted({ initialize: 'wait' })
    const fast = scripted()
    const group = createResourceGroup({ clock })
    await group.addResource(slow.definition, { name: 'slow', input: {} })
    for (let index = 0; index < 10; index += 1) {
      await group.addResource(fast.definition, { name: `fast ${index}`, input: {} })
    }
    const waiting = group.initialize()
    await clock.settle()
    expect(group.statuses().filter(({ state }) => state === 'READY')).toHaveLength(10)
    slow.lives[0]?.initialized.resolve()
    await waiting
    await group.close()
  })
})
