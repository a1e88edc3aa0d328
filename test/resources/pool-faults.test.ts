import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createPool } from '../../src/resources/pool/create-pool.ts'
import type { Lease } from '../../src/resources/pool/types.ts'
import { type Borrower, borrow, type Connection, pooled } from './pooled.ts'

const MAX = 3
const MIN = 1

/** A pool with everything that a pool can do, whose members start, answer and close as slowly or as badly as the test says. */
class World {
  readonly clock = new VirtualClock()
  readonly members = pooled()
  readonly borrowers: Borrower[] = []
  readonly leases: Lease<Connection>[] = []
  readonly violations: string[] = []
  pace = { start: 0, check: 0, isSick: false, isDown: false }

  async start(seed: number) {
    const { mode } = this.members
    mode.check = async () => {
      const { check, isSick } = this.pace
      if (check > 0) await this.wait(check)
      if (isSick) throw new Error('sick')
    }
    const pool = await createPool(this.definition(), {
      input: {},
      clock: this.clock,
      random: seededRandom(seed),
      min: MIN,
      max: MAX,
      maxWaiters: 5,
      createAttempts: 3,
      retryDelay: 20,
      maxRetryDelay: 100,
      idleTime: 300,
      maxLifetime: 900,
      abandonedAfter: 500,
      drainTimeout: 200,
      timing: {
        startTimeout: 100,
        shutdown: 100,
        health: { interval: 70, timeout: 40, failures: 2, of: 3 },
      },
    })
    return pool
  }

  wait(ms: number): Promise<void> {
    return new Promise(resolve => void this.clock.setTimeout(resolve, ms))
  }

  definition() {
    const { withCheck } = this.members
    return {
      ...withCheck,
      initialize: async (context: Parameters<typeof withCheck.initialize>[0]) => {
        const connection = await withCheck.initialize(context)
        const { start, isDown } = this.pace
        if (start > 0) await this.wait(start)
        if (!isDown) return connection
        const life = this.members.lives[connection.serial - 1]
        if (life) life.isOpen = false
        throw new Error('down')
      },
    }
  }

  acquire(pool: Parameters<typeof borrow>[0], timeout: number): void {
    const borrower = borrow(pool, { timeout })
    this.borrowers.push(borrower)
    borrower.lease.then(
      lease => {
        this.leases.push(lease)
        const place = this.borrowers.indexOf(borrower)
        const overtaken = this.borrowers.slice(0, place).filter(({ outcome }) => outcome === undefined)
        if (overtaken.length > 0)
          this.violations.push(`caller ${place} was served before ${overtaken.length}`)
      },
      () => undefined,
    )
  }

  check(statistics: Awaited<ReturnType<World['start']>>, where: string): void {
    const now = statistics.statistics()
    const parts = now.idle + now.borrowed + now.creating + now.validating + now.closing
    const say = (holds: boolean, what: string) => void (holds || this.violations.push(`${where}: ${what}`))
    say(now.members === parts, 'the parts do not add up')
    say(now.members <= MAX, `${now.members} members`)
    say(now.idle === 0 || now.waiting <= now.validating, `${now.waiting} wait while ${now.idle} are idle`)
    say(now.waiting <= MAX + 5, `${now.waiting} wait`)
    say(
      this.borrowers.every(({ settled }) => settled <= 1),
      'a caller was told twice',
    )
    const holders = this.leases.flatMap(lease => {
      try {
        return lease.client.serial
      } catch {
        return []
      }
    })
    say(new Set(holders).size === holders.length, 'two callers hold one member')
    say(holders.length === now.borrowed, `${holders.length} leases for ${now.borrowed} borrowed members`)
  }
}

type Step =
  | { readonly type: 'acquire'; readonly timeout: number }
  | { readonly type: 'release' | 'discard' | 'fail' | 'end' | 'degrade'; readonly at: number }
  | { readonly type: 'pace'; readonly pace: World['pace'] }
  | { readonly type: 'cleanup'; readonly mode: 'at once' | 'wait' }
  | { readonly type: 'advance'; readonly ms: number }

const at = fc.nat({ max: 30 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('acquire' as const), timeout: fc.constantFrom(30, 150, 2_000) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('release' as const), at }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('discard' as const, 'fail' as const, 'end' as const, 'degrade' as const),
      at,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('pace' as const),
      pace: fc.record({
        start: fc.constantFrom(0, 15, 150),
        check: fc.constantFrom(0, 5, 60),
        isSick: fc.boolean(),
        isDown: fc.boolean(),
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('cleanup' as const),
      mode: fc.constantFrom('at once' as const, 'wait' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(0, 1, 20, 90, 400) }),
  },
)

async function perform(each: Step, world: World, pool: Awaited<ReturnType<World['start']>>): Promise<void> {
  const { lives, mode } = world.members
  switch (each.type) {
    case 'acquire':
      return world.acquire(pool, each.timeout)
    case 'release':
    case 'discard':
      return world.leases[each.at % Math.max(1, world.leases.length)]?.[each.type]()
    case 'fail':
    case 'degrade':
      return lives[lives.length - 1 - (each.at % lives.length)]?.self[each.type](new Error(each.type))
    case 'end':
      return lives[lives.length - 1 - (each.at % lives.length)]?.self.end()
    case 'pace':
      world.pace = each.pace
      return
    case 'cleanup':
      mode.cleanup = each.mode
      return
    case 'advance':
      return world.clock.advance(each.ms)
  }
}

async function play(script: readonly Step[], seed: number) {
  const world = new World()
  const pool = await world.start(seed)
  for (const [number, each] of script.entries()) {
    await perform(each, world, pool)
    await world.clock.settle()
    world.check(pool, `after step ${number}, ${each.type}`)
  }
  return { world, pool }
}

/** No fault from now on. */
function cure({ members }: World): void {
  members.mode.cleanup = 'at once'
  for (const { cleaned } of members.lives) cleaned.resolve()
}

const scripts = fc.array(step, { maxLength: 40 })

describe('a pool with slow, sick and failing members', () => {
  it('keeps its promises at each step, serves everybody once the faults cease, and leaves nothing when it is closed', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, fc.nat(), async (script, seed) => {
        const { world, pool } = await play(script, seed)
        cure(world)
        world.pace = { start: 0, check: 0, isSick: false, isDown: false }
        await world.clock.advance(200)
        for (const lease of world.leases) lease.release()
        const late = [1, 2, 3, 4, 5].map(() => borrow(pool, { timeout: 5_000 }))
        for (let round = 0; round < 30; round += 1) {
          await world.clock.advance(20)
          for (const { lease } of late) void lease.then(given => given.release())
          for (const lease of world.leases) lease.release()
        }
        for (const { outcome } of late) expect(outcome).toBeTypeOf('number')
        for (const { settled } of world.borrowers) expect(settled).toBe(1)
        const { waiting, members, created, destroyed } = pool.statistics()
        expect(waiting).toBe(0)
        expect(members).toBeGreaterThanOrEqual(MIN)
        expect(created - destroyed).toBe(members)
        await pool.close()
        expect(world.violations).toEqual([])
        expect(world.members.lives.filter(({ isOpen, cleanups }) => isOpen || cleanups > 1)).toEqual([])
        expect(world.clock.pending).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('refuses everybody and leaves nothing when it is closed in the middle of it', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, fc.nat(), async (script, seed) => {
        const { world, pool } = await play(script, seed)
        const closing = pool.close()
        const refused = world.borrowers.filter(({ outcome }) => outcome === undefined)
        await world.clock.settle()
        for (const { outcome } of refused) expect(outcome).toBe('EXO_RESOURCE_CLOSED')
        // The draining, then an initialising that does not hear its signal, or a cleanup: each has its own limit.
        await world.clock.advance(200 + 100)
        await closing
        cure(world)
        await world.clock.advance(200)
        expect(world.violations).toEqual([])
        expect(world.members.lives.filter(({ isOpen, cleanups }) => isOpen || cleanups > 1)).toEqual([])
        expect(world.clock.pending).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('repeats itself exactly with the same script and seed', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, fc.nat(), async (script, seed) => {
        const once = async () => {
          const { world, pool } = await play(script, seed)
          const seen = [pool.statistics(), world.borrowers.map(({ outcome }) => outcome)]
          cure(world)
          const closing = pool.close()
          await world.clock.advance(500)
          await closing
          return seen
        }
        expect(await once()).toEqual(await once())
      }),
      { numRuns: 40 },
    )
  })
})
