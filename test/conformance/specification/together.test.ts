import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lifecycle } from '../../../machines/index.ts'
import {
  childSpec,
  defineResource,
  memberSpec,
  type NetworkClient,
  networkResource,
  type ResourceRef,
  resourceGroup,
  seededRandom,
  supervise,
  VirtualClock,
  withResource,
} from '../../../src/runtime.ts'
import { socketError } from '../../resources/fake-network.ts'
import { unhandledRejections } from '../../resources/unhandled.ts'

const leaks = unhandledRejections()
beforeEach(leaks.watch)
afterEach(leaks.expectNone)

/** A database server in memory: it can be up or down, and knows who is connected. */
class Server {
  isUp = true
  readonly rows = new Map<string, string>([['greeting', 'hello']])
  readonly sessions = new Set<Session>()
}

class Session {
  readonly #server: Server

  constructor(server: Server) {
    if (!server.isUp) throw socketError('ECONNREFUSED')
    this.#server = server
    server.sessions.add(this)
  }

  get(key: string): string | undefined {
    if (!this.#server.isUp || !this.#server.sessions.has(this)) throw socketError('ECONNRESET')
    return this.#server.rows.get(key)
  }

  end(): void {
    this.#server.sessions.delete(this)
  }
}

const database = networkResource<{ server: Server }, Session>({
  kind: 'database',
  connect: async ({ server }) => new Session(server),
  disconnect: async session => session.end(),
  ping: async session => void session.get('greeting'),
  retry: { retries: 3, backoff: { initial: 50, jitter: 'none' } },
  displayName: () => 'the database',
})

type Database = ResourceRef<NetworkClient<Session>>

/** Reads through, and remembers. */
const cache = defineResource<{ database: Database }, (key: string) => Promise<string | undefined>>({
  kind: 'cache',
  machine: lifecycle,
  async initialize({ input }) {
    const client = await input.database.ready()
    const known = new Map<string, string | undefined>()
    return async key => {
      if (!known.has(key)) known.set(key, await client.withConnection(session => session.get(key)))
      return known.get(key)
    }
  },
})

async function service() {
  const clock = new VirtualClock()
  const server = new Server()
  const events: string[] = []
  const root = await supervise({
    clock,
    random: seededRandom(1),
    policies: { default: { backoff: { initial: 100, jitter: 'none' }, degraded: { grace: 1_000, soft: 2 } } },
    children: [
      childSpec({
        id: 'storage',
        resource: resourceGroup,
        input: {
          resources: [
            memberSpec({ name: 'database', resource: database, input: { server } }),
            memberSpec({
              name: 'cache',
              resource: cache,
              inputOf: group => ({ database: group.getResource(database, 'database') }),
              dependsOn: ['database'],
            }),
          ],
        },
      }),
    ],
    onEvent: ({ type, incarnation }) => void events.push(`${type} ${incarnation}`),
  })
  const storage = root.ref(resourceGroup, 'storage')
  const read = async (key: string) => (await (await storage.ready()).getResource(cache, 'cache').ready())(key)
  /** The root is closed and nothing is left: no session, no timer. */
  const expectNothingLeft = async () => {
    await root.close()
    expect([server.sessions.size, clock.pending]).toEqual([0, 0])
  }
  return { clock, server, events, root, storage, read, expectNothingLeft }
}

describe('a service of a group with a connection, below a supervisor', () => {
  it('reads through a cache that was given its database', async () => {
    const { read, storage, server, expectNothingLeft } = await service()
    expect(await read('greeting')).toBe('hello')
    expect((await storage.ready()).statuses()).toMatchObject([
      { kind: 'database', name: 'database', displayName: 'the database', state: 'READY' },
      { kind: 'cache', name: 'cache', state: 'READY', dependsOn: ['database'] },
    ])
    expect(server.sessions.size).toBe(1)
    await expectNothingLeft()
  })

  it('survives a session that the server drops: the read that met it is repeated on another one', async () => {
    const { read, server, clock, storage, expectNothingLeft } = await service()
    server.sessions.clear()
    const reading = read('greeting')
    await clock.advance(50)
    expect(await reading).toBe('hello')
    expect([storage.state, storage.incarnation, server.sessions.size]).toEqual(['READY', 1, 1])
    await expectNothingLeft()
  })

  it('is mended in place when the server comes back soon, and restarted as one when it comes back late', async () => {
    const { server, clock, storage, events, read, expectNothingLeft } = await service()
    const database = (await storage.ready()).getResource('database')
    server.isUp = false
    database.degrade(socketError('ECONNRESET'))
    expect(storage.state).toBe('DEGRADED')
    server.isUp = true
    await clock.advance(1_000)
    expect([storage.state, storage.incarnation]).toEqual(['READY', 1])

    server.isUp = false
    database.degrade(socketError('ECONNRESET'))
    await clock.advance(3_000)
    expect(storage.state).not.toBe('READY')
    const reading = read('greeting')
    server.isUp = true
    await clock.advance(2_000)
    expect(await reading).toBe('hello')
    expect(storage.incarnation).toBeGreaterThan(1)
    expect(events).toEqual(
      expect.arrayContaining(['degraded 1', 'soft_restart 1', 'recovered 1', 'failed 1']),
    )
    await expectNothingLeft()
  })

  it('is restarted as one when its cache fails, and gives up no session', async () => {
    const { clock, storage, server, read, expectNothingLeft } = await service()
    const [session] = server.sessions
    ;(await storage.ready()).getResource('cache').fail(new Error('out of memory'))
    const reading = read('greeting')
    await clock.advance(100)
    expect(await reading).toBe('hello')
    expect([server.sessions.size, server.sessions.has(session!)]).toEqual([1, false])
    await expectNothingLeft()
  })

  it('leaves the server to a piece of work with a connection of its own', async () => {
    const { server, clock, read, expectNothingLeft } = await service()
    const migrate = withResource(database, { input: { server }, clock }, client =>
      client.withConnection(session => {
        server.rows.set('version', `2, migrated from ${session.get('greeting')}`)
        return server.sessions.size
      }),
    )
    expect(await migrate).toBe(2)
    expect(server.sessions.size).toBe(1)
    expect(await read('version')).toBe('2, migrated from hello')
    await expectNothingLeft()
  })

  it('closes in the middle of everything without leaving anything', async () => {
    for (let hops = 0; hops < 40; hops += 4) {
      const { server, clock, storage, read, root, expectNothingLeft } = await service()
      const group = await storage.ready()
      server.sessions.clear()
      const reading = read('greeting').catch(() => 'closed')
      const reconnecting = group
        .getResource(database, 'database')
        .client?.reconnect()
        .catch(() => undefined)
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      const closing = root.close()
      await clock.advance(100)
      await Promise.all([closing, reconnecting])
      expect(['closed', 'hello']).toContain(await reading)
      await expectNothingLeft()
    }
  })
})
