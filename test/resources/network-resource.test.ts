import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { createResource } from '../../src/resources/create.ts'
import { networkResource } from '../../src/resources/network-resource.ts'
import { grow } from '../supervision/tree.ts'
import { fakeNetwork, socketError } from './fake-network.ts'
import { unhandledRejections } from './unhandled.ts'

const leaks = unhandledRejections()
beforeEach(leaks.watch)
afterEach(leaks.expectNone)

const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
const calm = { backoff: { initial: 100, jitter: 'none' } } as const

async function connected(
  shape: Parameters<typeof fakeNetwork>[0] = {},
  changes: Parameters<typeof fakeNetwork>[1] = {},
  options = {},
) {
  const clock = new VirtualClock()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const network = fakeNetwork({ retry: calm, ...shape }, changes)
  const resource = createResource(network.definition, { name: 'a', input: {}, clock, log, ...options })
  const states: string[] = []
  resource.subscribe(({ state }) => states.push(state))
  const client = await resource.initialize()
  /** Everything is released, and nothing waits. */
  const expectClean = async () => {
    await resource.close()
    await clock.settle()
    expect(network.wires.map(({ disconnects }) => disconnects.length)).toEqual(network.wires.map(() => 1))
    expect(clock.pending).toBe(0)
    const { connects, disconnects, active } = client.statistics()
    expect([disconnects, active]).toEqual([connects, 0])
  }
  return { ...network, clock, resource, client, states, logged, expectClean }
}

/** An operation that fails so often with this error, and then answers with the number of its wire. */
function failing(times: number, error: unknown) {
  const attempts: number[] = []
  const operation = async ({ number }: { number: number }, { attempt }: { attempt: number }) => {
    attempts.push(attempt)
    if (attempts.length <= times) throw error
    return number
  }
  return { attempts, operation }
}

describe('a network resource', () => {
  it('connects as it initialises, and disconnects once as it closes', async () => {
    const { client, wires, resource, expectClean } = await connected()
    expect(client.connection).toBe(wires[0])
    expect(resource.snapshot()).toMatchObject({ kind: 'wire', displayName: 'a', state: 'READY' })
    await expectClean()
    expect(wires[0]?.disconnects).toEqual(['closed by its owner'])
    expect(client.connection).toBeUndefined()
  })

  it('that cannot connect at first fails with the cause, and has nothing to disconnect', async () => {
    const { definition, wires } = fakeNetwork(
      {},
      { connect: () => Promise.reject(socketError('ECONNREFUSED')) },
    )
    const resource = createResource(definition, { name: 'a', input: {}, clock: new VirtualClock() })
    expect(await caught(resource.initialize())).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'wire "a" failed to initialise: ECONNREFUSED',
      cause: { code: 'ECONNREFUSED' },
    })
    await resource.close()
    expect(wires[0]?.disconnects).toEqual([])
  })

  it('has the display name of its input and the health check that it is given', async () => {
    const { definition } = fakeNetwork({ displayName: () => 'redis at attic' })
    const resource = createResource(definition, { input: {}, clock: new VirtualClock() })
    expect(resource.snapshot()).toMatchObject({ kind: 'wire', displayName: 'redis at attic' })
    const bare = networkResource({ kind: 'bare', connect: async () => 1, disconnect: async () => undefined })
    expect(bare.checkHealth).toBeUndefined()
  })

  it('is refused with a wrong kind or retry policy', () => {
    expect(() => fakeNetwork({ kind: 'No Kind' })).toThrow(
      expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID' }),
    )
    expect(() => fakeNetwork({ retry: { retries: -1 } })).toThrow(
      expect.objectContaining({ code: 'EXO_OPTION_INVALID' }),
    )
  })
})

describe('reconnecting', () => {
  it('releases the old connection, makes a new one, and keeps the incarnation; DEGRADED meanwhile', async () => {
    const { client, wires, resource, hold, clock, states, expectClean } = await connected()
    const held = hold()
    const waiting = client.reconnect()
    expect([resource.state, client.connection]).toEqual(['DEGRADED', undefined])
    await clock.settle()
    expect(wires[0]?.disconnects).toEqual(['replaced by another connection'])
    held[0]?.resolve()
    expect(await waiting).toBe(wires[1])
    expect(client.connection).toBe(wires[1])
    expect([resource.incarnation, states]).toEqual([1, ['INITIALIZING', 'READY', 'DEGRADED', 'READY']])
    expect(client.statistics()).toMatchObject({ connects: 2, disconnects: 1, reconnects: 1 })
    await expectClean()
  })

  it('happens once for all who ask while it runs', async () => {
    const { client, wires, hold, clock, expectClean } = await connected()
    const held = hold()
    const all = [client.reconnect(), client.reconnect(), client.withConnection(({ number }) => number)]
    await clock.settle()
    held[0]?.resolve()
    expect(await Promise.all(all)).toEqual([wires[1], wires[1], 2])
    expect(wires).toHaveLength(2)
    await expectClean()
  })

  it('that fails leaves it DEGRADED without a connection, and the next attempt may work', async () => {
    const { client, weather, resource, wires } = await connected()
    weather.connect = () => Promise.reject(socketError('EHOSTUNREACH'))
    expect(await caught(client.reconnect())).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'wire "a" failed to reconnect: EHOSTUNREACH',
    })
    expect([resource.state, client.connection]).toEqual(['DEGRADED', undefined])
    expect(client.statistics()).toMatchObject({ connects: 1, connectFailures: 1 })
    weather.connect = async () => undefined
    await client.reconnect()
    expect(resource.state).toBe('READY')
    await resource.close()
    expect(wires.map(({ disconnects }) => disconnects.length)).toEqual([1, 0, 1])
    expect(client.statistics()).toMatchObject({ connects: 2, disconnects: 2 })
  })

  it('goes on past a disconnect that fails, and logs it', async () => {
    const { client, weather, wires, logged } = await connected()
    weather.disconnect = () => Promise.reject(new Error('already gone'))
    expect(await client.reconnect()).toBe(wires[1])
    expect(client.statistics()).toMatchObject({ disconnects: 1, disconnectFailures: 1 })
    expect(logged).toContain('wire "a" could not release a connection: already gone')
  })

  it('is given up when its time is over, and a connection that comes too late is released', async () => {
    const { client, wires, hold, clock, expectClean } = await connected({ connectTimeout: 500 })
    const held = hold()
    const waiting = caught(client.reconnect())
    await clock.advance(500)
    expect(await waiting).toMatchObject({
      code: 'EXO_PEER_TIMEOUT',
      message: 'wire "a" did not connect within 500 ms',
    })
    expect(wires[1]?.signal.aborted).toBe(true)
    held[0]?.resolve()
    await clock.settle()
    expect(wires[1]?.disconnects).toEqual(['it came too late'])
    await expectClean()
  })

  it('goes on past a disconnect that hangs', async () => {
    const { client, weather, wires, clock } = await connected({ connectTimeout: 500 })
    const hanging = deferred<void>()
    weather.disconnect = () => hanging.promise
    const waiting = client.reconnect()
    await clock.advance(500)
    expect(await waiting).toBe(wires[1])
    hanging.resolve()
    await clock.settle()
    expect(clock.pending).toBe(1)
  })

  it('is given up when nobody waits for it any more', async () => {
    const { client, wires, hold, clock, expectClean } = await connected()
    const held = hold()
    const abort = new AbortController()
    const [first, second] = [
      caught(client.reconnect({ signal: abort.signal })),
      caught(client.reconnect({ timeout: 50 })),
    ]
    await clock.settle()
    abort.abort()
    expect(await first).toMatchObject({ code: 'EXO_ABORTED' })
    expect(wires[1]?.signal.aborted).toBe(false)
    await clock.advance(50)
    expect(await second).toMatchObject({ code: 'EXO_READY_TIMEOUT' })
    expect(wires[1]?.signal.aborted).toBe(true)
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    held[0]?.resolve()
    await expectClean()
  })

  it('under way is aborted by closing, which waits until what it gives is released', async () => {
    const { client, wires, hold, clock, resource, expectClean } = await connected()
    const held = hold()
    const waiting = caught(client.reconnect())
    await clock.settle()
    const closing = resource.close()
    await clock.settle()
    expect(await waiting).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect([resource.state, wires[1]?.signal.aborted]).toEqual(['CLOSING', true])
    held[0]?.resolve()
    await closing
    expect(wires[1]?.disconnects).toEqual(['it came too late'])
    expect(await caught(client.reconnect())).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await expectClean()
  })

  it('that ends in any moment of closing leaves no connection open', async () => {
    for (let hops = 0; hops < 40; hops += 1) {
      const { client, hold, clock, resource, expectClean } = await connected()
      const held = hold()
      const waiting = caught(client.reconnect())
      await clock.settle()
      held[0]?.resolve()
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      await resource.close()
      await waiting
      await expectClean()
    }
  })

  it('is what a lost connection asks for: DEGRADED at once, and only the present connection counts', async () => {
    const { client, wires, resource, expectClean } = await connected()
    wires[0]?.lost(socketError('ECONNRESET'))
    expect([resource.state, client.connection]).toEqual(['DEGRADED', undefined])
    expect(resource.lastError).toMatchObject({ message: 'wire "a" has lost its connection: ECONNRESET' })
    await client.reconnect()
    wires[0]?.lost(new Error('again'))
    expect(resource.state).toBe('READY')
    await expectClean()
  })

  it('begins with a connection that is lost while it connects: that is a connect that failed', async () => {
    const { definition, wires, hold } = fakeNetwork()
    const held = hold()
    const clock = new VirtualClock()
    const resource = createResource(definition, { name: 'a', input: {}, clock })
    const waiting = caught(resource.initialize())
    await clock.settle()
    wires[0]?.lost(new Error('cut'))
    held[0]?.resolve()
    expect(await waiting).toMatchObject({ message: 'wire "a" has lost its connection: cut' })
    expect(wires[0]?.disconnects).toEqual(['it broke at once'])
    await resource.close()
  })

  it('is asked for also by a connection that is lost in any moment of becoming READY', async () => {
    for (let hops = 0; hops < 20; hops += 1) {
      const { definition, wires, hold } = fakeNetwork()
      const held = hold()
      const clock = new VirtualClock()
      const resource = createResource(definition, { name: 'a', input: {}, clock })
      void caught(resource.initialize())
      await clock.settle()
      held[0]?.resolve()
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      wires[0]?.lost(new Error('cut'))
      await clock.settle()
      expect(['ERROR', 'DEGRADED']).toContain(resource.state)
      await resource.close()
      expect(wires[0]?.disconnects).toHaveLength(1)
    }
  })
})

describe('running an operation with a connection', () => {
  it('gives its result, whether it answers at once or later', async () => {
    const { client, clock, expectClean } = await connected()
    expect(await client.withConnection(({ number }) => number)).toBe(1)
    expect(await client.withConnection(async ({ number }) => number)).toBe(1)
    expect(client.statistics()).toMatchObject({
      operations: 2,
      failures: 0,
      retries: 0,
      succeededAt: clock.now(),
    })
    await expectClean()
  })

  it('leaves nothing on the signal of its caller', async () => {
    const { client, clock, expectClean } = await connected()
    const { signal } = new AbortController()
    const waiting = client.withConnection(failing(1, socketError('EPIPE')).operation, {
      signal,
      timeout: 1_000,
    })
    await clock.advance(100)
    await waiting
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await expectClean()
  })

  it('tries again with growing delays, and on a new connection when the old one is broken', async () => {
    const { client, clock, wires, expectClean } = await connected()
    const { operation, attempts } = failing(2, socketError('ECONNRESET'))
    const waiting = client.withConnection(operation)
    await clock.advance(99)
    expect(attempts).toEqual([1])
    await clock.advance(1)
    expect(attempts).toEqual([1, 2])
    await clock.advance(199)
    expect(attempts).toHaveLength(2)
    await clock.advance(1)
    expect(await waiting).toBe(3)
    expect(wires.map(({ disconnects }) => disconnects.length)).toEqual([1, 1, 0])
    expect(client.statistics()).toMatchObject({ operations: 1, failures: 2, retries: 2, reconnects: 2 })
    await expectClean()
  })

  it('keeps a connection that is not broken', async () => {
    const { client, clock, wires, resource } = await connected()
    const { operation } = failing(1, new ExovisorError('EXO_ENGINE_BUSY', 'all slots taken'))
    const waiting = client.withConnection(operation)
    await clock.advance(100)
    expect(await waiting).toBe(1)
    expect([wires.length, resource.state]).toEqual([1, 'READY'])
  })

  it('takes its chance from the injected generator', async () => {
    const random = seededRandom(7)
    const expected = 100 * seededRandom(7)()
    const { client, clock } = await connected({ retry: { backoff: { initial: 100 } } }, {}, { random })
    const { operation, attempts } = failing(1, socketError('EPIPE'))
    const waiting = client.withConnection(operation)
    await clock.advance(expected - 0.001)
    expect(attempts).toHaveLength(1)
    await clock.advance(0.002)
    await waiting
  })

  it('that goes on failing ends with the last error, its causes and all attempts', async () => {
    const { client, clock, expectClean } = await connected()
    const root = new Error('cable cut')
    const { operation } = failing(
      9,
      new Error('write failed', { cause: Object.assign(root, { code: 'EPIPE' }) }),
    )
    const waiting = caught(client.withConnection(operation, { retries: 2 }))
    await clock.advance(1_000)
    expect(await waiting).toMatchObject({
      code: 'EXO_RETRIES_EXHAUSTED',
      message: 'an operation of wire "a" failed 3 times, the last time with: write failed',
      cause: { message: 'write failed', cause: root },
      details: {
        attempts: 3,
        failures: [{ attempt: 1, message: 'write failed' }, { attempt: 2 }, { attempt: 3 }],
      },
    })
    await expectClean()
  })

  it('lists no more than sixteen failures, the last one among them', async () => {
    const { client, clock } = await connected()
    const { operation } = failing(99, socketError('EPIPE'))
    const options = { retries: 40, backoff: { max: 1 } }
    const waiting = caught(client.withConnection(operation, options))
    await clock.advance(1_000)
    const { details } = (await waiting) as ExovisorError
    const failures = details['failures'] as { attempt: number }[]
    expect([failures.length, failures.at(-1)?.attempt, details['attempts']]).toEqual([16, 41, 41])
  })

  it('never repeats what a further attempt cannot cure, and throws its very error', async () => {
    const { client } = await connected()
    for (const error of [new TypeError('x'), new ExovisorError('EXO_REQUEST_INVALID', 'bad'), 'text', null]) {
      const { operation, attempts } = failing(9, error)
      expect(await caught(client.withConnection(operation))).toBe(error)
      expect(attempts).toEqual([1])
    }
  })

  it('lets its caller decide what is repeated; without retries the error is thrown as it is', async () => {
    const { client, clock } = await connected()
    const once = failing(1, new TypeError('flaky'))
    const waiting = client.withConnection(once.operation, {
      isRetryable: error => error instanceof TypeError,
    })
    await clock.advance(100)
    await waiting
    const reset = socketError('ECONNRESET')
    expect(
      await caught(client.withConnection(failing(1, reset).operation, { isRetryable: () => false })),
    ).toBe(reset)
    expect(await caught(client.withConnection(failing(1, reset).operation, { retries: 0 }))).toBe(reset)
  })

  it('takes a judge that throws for a no, and logs it', async () => {
    const throwing = () => {
      throw new Error('bad judge')
    }
    const { client, logged, resource } = await connected({ isBroken: throwing })
    const error = socketError('EPIPE')
    const { operation } = failing(9, error)
    expect(await caught(client.withConnection(operation, { isRetryable: throwing }))).toBe(error)
    expect(logged).toContain('wire "a" could not judge an error, because its judge threw')
    expect(resource.state).toBe('READY')
  })

  it('replaces the connection for errors that its kind calls broken', async () => {
    const { client, clock, wires } = await connected({ isBroken: error => error === 'gone' })
    const waiting = client.withConnection(failing(1, 'gone').operation)
    await clock.advance(100)
    expect(await waiting).toBe(2)
    expect(wires[0]?.disconnects).toHaveLength(1)
  })

  it('counts an attempt that got no connection, and tries again', async () => {
    const { client, clock, weather, wires, resource } = await connected()
    wires[0]?.lost('cut')
    let refused = 0
    weather.connect = async () => {
      refused += 1
      if (refused <= 2) throw socketError('ECONNREFUSED')
    }
    const { operation, attempts } = failing(0, undefined)
    const waiting = client.withConnection(operation, { isRetryable: () => false })
    await clock.advance(300)
    expect(await waiting).toBe(4)
    expect([attempts, resource.state]).toEqual([[3], 'READY'])
    expect(client.statistics()).toMatchObject({ connectFailures: 2, retries: 2, failures: 2 })
  })

  it('has so long for each attempt', async () => {
    const { client, clock, expectClean } = await connected()
    const signals: AbortSignal[] = []
    const waiting = caught(
      client.withConnection(
        (_, { signal }) => {
          signals.push(signal)
          return new Promise(() => undefined)
        },
        { timeout: 50, retries: 1 },
      ),
    )
    await clock.advance(200)
    expect(await waiting).toMatchObject({
      code: 'EXO_RETRIES_EXHAUSTED',
      cause: { code: 'EXO_PEER_TIMEOUT', message: 'an operation of wire "a" took longer than 50 ms' },
    })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    await expectClean()
  })

  it('is given up by its caller: before it begins, while it runs, and between two attempts', async () => {
    const { client, clock, expectClean } = await connected()
    const early = AbortSignal.abort('no')
    expect(await caught(client.withConnection(() => 1, { signal: early }))).toMatchObject({
      code: 'EXO_ABORTED',
    })

    const running = new AbortController()
    const seen: AbortSignal[] = []
    const first = caught(
      client.withConnection(
        (_, { signal }) => {
          seen.push(signal)
          return new Promise(() => undefined)
        },
        { signal: running.signal },
      ),
    )
    await clock.settle()
    running.abort('user left')
    expect(await first).toMatchObject({ code: 'EXO_ABORTED', cause: 'user left' })
    expect(seen[0]?.aborted).toBe(true)

    const between = new AbortController()
    const { operation, attempts } = failing(9, socketError('EPIPE'))
    const second = caught(client.withConnection(operation, { signal: between.signal }))
    await clock.advance(50)
    between.abort()
    expect(await second).toMatchObject({ code: 'EXO_ABORTED' })
    expect(attempts).toEqual([1])
    for (const { signal } of [running, between]) expect(getEventListeners(signal, 'abort')).toEqual([])
    await expectClean()
  })

  it('is aborted when its connection is replaced, and repeated on the new one', async () => {
    const { client, clock, expectClean } = await connected()
    const waiting = client.withConnection(({ number }, { signal }) =>
      number === 1
        ? new Promise<number>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        : number,
    )
    await clock.settle()
    await client.reconnect()
    await clock.advance(100)
    expect(await waiting).toBe(2)
    await expectClean()
  })

  it('ends when the resource is closed, also one that ignores its signal, and what it does later is swallowed', async () => {
    const { client, clock, resource, expectClean } = await connected()
    const late = deferred<void>()
    const ignoring = caught(client.withConnection(() => late.promise))
    const pausing = caught(client.withConnection(failing(9, socketError('EPIPE')).operation))
    await clock.settle()
    await resource.close()
    expect(await ignoring).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(await pausing).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    late.reject(new Error('late'))
    expect(await caught(client.withConnection(() => 1))).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await expectClean()
  })

  it('refuses options that are out of range', async () => {
    const { client } = await connected()
    const wrong = [
      [{ retries: -1 }, 'retries is -1, expected a whole number of at least 0'],
      [{ retries: 1.5 }, 'retries is 1.5'],
      [{ retries: Number.NaN }, 'retries is NaN'],
      [{ timeout: -1 }, 'timeout is -1'],
      [{ backoff: { max: -1 } }, 'backoff.max is -1'],
      [{ backoff: { initial: 'x' } }, 'backoff.initial is x'],
    ] as const
    for (const [options, message] of wrong) {
      expect(await caught(client.withConnection(() => 1, options as never))).toMatchObject({
        code: 'EXO_OPTION_INVALID',
        message: expect.stringContaining(message),
      })
    }
  })
})

describe('a network resource below a supervisor', () => {
  it('is mended by a soft restart: a new connection in the same incarnation', async () => {
    const { definition, wires } = fakeNetwork()
    const { root, clock, story } = await grow([{ id: 'a', resource: definition as never, input: {} }])
    wires[0]?.lost(new Error('cut'))
    await clock.advance(1_000)
    const ref = root.ref(definition, 'a')
    expect([ref.state, ref.incarnation, wires.length]).toEqual(['READY', 1, 2])
    expect(story()).toEqual(['ready a#1', 'degraded a#1', 'soft_restart a#1', 'recovered a#1'])
    await root.close()
    expect(wires.map(({ disconnects }) => disconnects.length)).toEqual([1, 1])
    expect(clock.pending).toBe(0)
  })

  it('that cannot reconnect gets a new incarnation', async () => {
    const { definition, wires, weather } = fakeNetwork()
    const { root, clock } = await grow([{ id: 'a', resource: definition as never, input: {} }])
    weather.connect = () => Promise.reject(socketError('ECONNREFUSED'))
    wires[0]?.lost(new Error('cut'))
    await clock.advance(3_000)
    weather.connect = async () => undefined
    await clock.advance(5_000)
    const ref = root.ref(definition, 'a')
    expect(ref.state).toBe('READY')
    expect(ref.incarnation).toBeGreaterThan(1)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('is DEGRADED by its pings, and READY again by a reconnect', async () => {
    const { client, clock, weather, resource } = await connected()
    weather.ping = () => Promise.reject(new Error('no answer'))
    await clock.advance(30_000)
    expect(resource.state).toBe('DEGRADED')
    weather.ping = async () => undefined
    await client.reconnect()
    expect(resource.state).toBe('READY')
    await resource.close()
    expect(clock.pending).toBe(0)
  })
})
