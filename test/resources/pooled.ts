import { expect } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { type Deferred, deferred } from '../../src/concurrency/deferred.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../src/resources/define.ts'
import { type CreatePoolOptions, createPool, type OwnedPool } from '../../src/resources/pool/create-pool.ts'
import type { AcquireOptions, Lease } from '../../src/resources/pool/types.ts'
import type { ResourceSelf } from '../../src/resources/types.ts'

/** What a borrower of a test gets. */
export interface Connection {
  /** 1 for the first that was begun. */
  readonly serial: number
}

/** One member as its own effects saw it. */
interface PooledLife {
  readonly self: ResourceSelf
  readonly connection: Connection
  /** Settled by the test when the mode was `wait`. */
  readonly made: Deferred<void>
  readonly cleaned: Deferred<void>
  isOpen: boolean
  cleanups: number
}

/** A kind of member whose effects do what the test says: each field of `mode` is read at the moment of the call. */
export function pooled() {
  const lives: PooledLife[] = []
  const mode = {
    initialize: 'at once' as 'at once' | 'wait',
    /** Milliseconds that a start takes. */
    startTakes: 0,
    cleanup: 'at once' as 'at once' | 'wait',
    /** What a start fails with, if it does. */
    fault: undefined as unknown,
    check: (_connection: Connection): void | Promise<void> => undefined,
  }
  const definition = defineResource<object, Connection>({
    kind: 'connection',
    machine: lifecycle,
    async initialize({ self, signal, clock }) {
      const connection = { serial: lives.length + 1 }
      const life = { self, connection, made: deferred<void>(), cleaned: deferred<void>() }
      const open: PooledLife = { ...life, isOpen: true, cleanups: 0 }
      lives.push(open)
      const { fault, startTakes } = mode
      try {
        if (mode.initialize === 'wait') {
          signal.addEventListener('abort', () => life.made.reject(signal.reason))
          await life.made.promise
        }
        if (startTakes > 0) await new Promise<void>(resolve => void clock.setTimeout(resolve, startTakes))
        if (fault !== undefined) throw fault
      } catch (error) {
        open.isOpen = false
        throw error
      }
      return connection
    },
    async cleanup(connection) {
      const life = connection && lives[connection.serial - 1]
      if (!life) return
      life.cleanups += 1
      if (mode.cleanup === 'wait') await life.cleaned.promise
      life.isOpen = false
    },
  })
  const withCheck = defineResource({ ...definition, checkHealth: async client => mode.check(client) })
  return { definition, withCheck, lives, mode }
}

type Options = Partial<CreatePoolOptions<object, Connection>>

/** A pool of such members under a virtual clock. With `validates` the members have a health check. */
export async function startPool(options: Options = {}, { validates = false } = {}) {
  const clock = new VirtualClock()
  const members = pooled()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const definition = validates ? members.withCheck : members.definition
  const pool = await createPool(definition, {
    input: {},
    name: 'p',
    clock,
    random: seededRandom(1),
    log,
    ...options,
  })
  /** Closes the pool, whatever is still borrowed, and checks that nothing of it is left. */
  const end = async (): Promise<void> => {
    const closing = pool.close()
    await clock.advance(20_000)
    await closing
    expect(pool.statistics()).toMatchObject({ members: 0, waiting: 0 })
    expect(members.lives.map(({ isOpen }) => isOpen)).toEqual(members.lives.map(() => false))
    expect(members.lives.filter(({ cleanups }) => cleanups > 1)).toEqual([])
    expect(clock.pending).toBe(0)
  }
  return { clock, pool, logged, end, ...members }
}

/** A borrower whose fate can be read at any time. */
export interface Borrower {
  readonly lease: Promise<Lease<Connection>>
  /** The serial of its member, or the code of its error, once it knows. */
  outcome: number | string | undefined
  /** How often it was told. */
  settled: number
}

/** Begins to borrow. */
export function borrow(pool: Pick<OwnedPool<Connection>, 'acquire'>, options?: AcquireOptions): Borrower {
  const lease = pool.acquire(options)
  const borrower: Borrower = { lease, outcome: undefined, settled: 0 }
  lease.then(
    ({ client }) => {
      borrower.outcome = client.serial
      borrower.settled += 1
    },
    (error: { readonly code?: string }) => {
      borrower.outcome = error.code ?? String(error)
      borrower.settled += 1
    },
  )
  return borrower
}

/** An error of the catalogue, by its code. */
export const code = (name: string) => expect.objectContaining({ code: name })
