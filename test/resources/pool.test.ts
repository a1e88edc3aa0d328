import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { createPool } from '../../src/resources/pool/create-pool.ts'
import { poolResource } from '../../src/resources/pool/pool-resource.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import { borrow, code, pooled, startPool } from './pooled.ts'

describe('borrowing', () => {
  it('creates a member when none is idle, and lends the same one again after its release', async () => {
    const { pool, lives, end } = await startPool()
    const first = await pool.acquire()
    expect(first.client).toBe(lives[0]?.connection)
    first.release()
    expect((await pool.acquire()).client).toBe(lives[0]?.connection)
    expect(lives).toHaveLength(1)
    await end()
  })

  it('lends the member that was used last, so that the others can become idle for long', async () => {
    const { pool, end } = await startPool()
    const leases = [await pool.acquire(), await pool.acquire(), await pool.acquire()]
    for (const index of [0, 2, 1]) leases[index]?.release()
    expect((await pool.acquire()).client.serial).toBe(2)
    await end()
  })

  it('gives the member back however the call of use ends', async () => {
    const { pool, end } = await startPool({ max: 1 })
    expect(await pool.use(({ serial }) => serial * 10)).toBe(10)
    await expect(
      pool.use(() => {
        throw new Error('the query is wrong')
      }),
    ).rejects.toThrow('the query is wrong')
    expect(await pool.use(({ serial }) => serial)).toBe(1)
    await end()
  })

  it('gives the member back at the end of an await using block', async () => {
    const { pool, end } = await startPool({ max: 1 })
    {
      await using lease = await pool.acquire()
      expect(lease.client.serial).toBe(1)
      expect(pool.statistics()).toMatchObject({ borrowed: 1, idle: 0 })
    }
    expect(pool.statistics()).toMatchObject({ borrowed: 0, idle: 1 })
    await end()
  })

  it('takes a second release, and a discard after a release, as nothing, also when somebody else has the member', async () => {
    const { pool, end } = await startPool({ max: 1 })
    const first = await pool.acquire()
    first.release()
    const second = await pool.acquire()
    first.release()
    first.discard(new Error('late'))
    const third = borrow(pool)
    expect(second.client.serial).toBe(1)
    expect(third.outcome).toBeUndefined()
    second.release()
    await third.lease
    expect(third.outcome).toBe(1)
    expect(pool.statistics()).toMatchObject({ discarded: 0, destroyed: 0 })
    await end()
  })

  it('does not let anybody use a client after its lease', async () => {
    const { pool, end } = await startPool()
    const lease = await pool.acquire()
    lease.release()
    expect(() => lease.client).toThrow(code('EXO_RESOURCE_CLOSED'))
    await end()
  })

  it('replaces a member that its borrower calls broken', async () => {
    const { pool, lives, end } = await startPool({ max: 1 })
    const lease = await pool.acquire()
    lease.discard(new Error('protocol out of step'))
    expect((await pool.acquire()).client.serial).toBe(2)
    expect(lives[0]).toMatchObject({ isOpen: false, cleanups: 1 })
    expect(pool.statistics()).toMatchObject({ discarded: 1, destroyed: 1, created: 2, members: 1 })
    await end()
  })

  it('closes a member that degraded while it was borrowed, at its release', async () => {
    const { pool, lives, end } = await startPool({ max: 1 })
    const lease = await pool.acquire()
    lives[0]?.self.degrade(new Error('slow'))
    expect(lease.signal.aborted).toBe(false)
    expect(lease.client.serial).toBe(1)
    lease.release()
    expect((await pool.acquire()).client.serial).toBe(2)
    expect(pool.statistics()).toMatchObject({ lost: 1, destroyed: 1 })
    await end()
  })

  it('replaces idle members that fail, degrade or end by themselves', async () => {
    const { pool, lives, clock, end } = await startPool({ min: 3 })
    lives[0]?.self.fail(new Error('reset'))
    lives[1]?.self.degrade(new Error('slow'))
    lives[2]?.self.end()
    await clock.settle()
    expect(lives.slice(0, 3).map(({ isOpen }) => isOpen)).toEqual([false, false, false])
    expect(pool.statistics()).toMatchObject({ lost: 3, idle: 3, members: 3, created: 6 })
    await end()
  })

  it('tells a borrower by a signal that its member is lost', async () => {
    const { pool, lives, end } = await startPool()
    const lease = await pool.acquire()
    const fault = new ExovisorError('EXO_PEER_UNREACHABLE', 'gone')
    const told: unknown[] = []
    lease.signal.addEventListener('abort', () => told.push(lease.signal.reason))
    lives[0]?.self.fail(fault)
    expect(told).toEqual([fault])
    expect(() => lease.client).toThrow(code('EXO_RESOURCE_CLOSED'))
    lease.release()
    expect(pool.statistics()).toMatchObject({ lost: 1, borrowed: 0 })
    await end()
  })
})

describe('waiting for a member', () => {
  it('is served in the order of coming', async () => {
    const { pool, clock, end } = await startPool({ max: 1 })
    const lease = await pool.acquire()
    const waiters = [borrow(pool), borrow(pool), borrow(pool)]
    const order: number[] = []
    waiters.forEach((waiter, index) => {
      void waiter.lease.then(got => {
        order.push(index)
        got.release()
      })
    })
    lease.release()
    await clock.settle()
    expect(order).toEqual([0, 1, 2])
    expect(waiters.map(({ outcome }) => outcome)).toEqual([1, 1, 1])
    await end()
  })

  it('cannot be overtaken by a caller that comes when a member is just free', async () => {
    const { pool, clock, end } = await startPool({ max: 1 })
    const lease = await pool.acquire()
    const early = borrow(pool)
    lease.release()
    const late = borrow(pool)
    await clock.settle()
    expect([early.outcome, late.outcome]).toEqual([1, undefined])
    await end()
  })

  it('ends with EXO_POOL_EXHAUSTED when the time is over, naming who holds a member for the longest time', async () => {
    const { pool, clock, end } = await startPool({ max: 1, acquireTimeout: 500 })
    await pool.acquire({ holder: 'report 7' })
    await clock.advance(100)
    const waiting = pool.acquire()
    const caught = waiting.catch((error: Error) => error)
    await clock.advance(500)
    await expect(waiting).rejects.toEqual(code('EXO_POOL_EXHAUSTED'))
    expect(String(await caught)).toContain(
      'pool "p": no member was free within 500 ms: 1 of at most 1 members are borrowed, p/1 for 600 ms by report 7',
    )
    expect(pool.statistics()).toMatchObject({ timeouts: 1, waiting: 0 })
    await end()
  })

  it('keeps to the time of the caller where it gives one', async () => {
    const { pool, clock, end } = await startPool({ max: 1 })
    await pool.acquire()
    const short = borrow(pool, { timeout: 10 })
    const long = borrow(pool, { timeout: 1_000 })
    await clock.advance(999)
    expect([short.outcome, long.outcome]).toEqual(['EXO_POOL_EXHAUSTED', undefined])
    await end()
  })

  it('leaves no gap when a caller gives up: the next one takes its turn', async () => {
    const { pool, clock, end } = await startPool({ max: 1 })
    const lease = await pool.acquire()
    const gone = new AbortController()
    const cancelled = borrow(pool, { signal: gone.signal })
    const impatient = borrow(pool, { timeout: 10 })
    const patient = borrow(pool)
    gone.abort(new Error('the user left'))
    await clock.advance(10)
    lease.release()
    await clock.settle()
    expect([cancelled, impatient, patient].map(({ outcome }) => outcome)).toEqual([
      'EXO_ABORTED',
      'EXO_POOL_EXHAUSTED',
      1,
    ])
    expect(pool.statistics()).toMatchObject({ cancelled: 1, timeouts: 1, borrowed: 1, waiting: 0 })
    await end()
    expect(clock.pending).toBe(0)
  })

  it('refuses at once a caller whose signal is aborted already', async () => {
    const { pool, lives, end } = await startPool()
    await expect(pool.acquire({ signal: AbortSignal.abort() })).rejects.toEqual(code('EXO_ABORTED'))
    expect(lives).toHaveLength(0)
    await end()
  })

  it('keeps a member that comes too late for its caller, for the next one', async () => {
    const { pool, mode, lives, clock, end } = await startPool()
    mode.initialize = 'wait'
    const impatient = borrow(pool, { timeout: 10 })
    await clock.advance(10)
    expect(impatient.outcome).toBe('EXO_POOL_EXHAUSTED')
    lives[0]?.made.resolve()
    await clock.settle()
    expect(pool.statistics()).toMatchObject({ idle: 1, members: 1 })
    expect((await pool.acquire()).client.serial).toBe(1)
    await end()
  })

  it('refuses at once who comes when maxWaiters wait already, and counts only those that nobody makes a member for', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ max: 2, maxWaiters: 1 })
    mode.initialize = 'wait'
    const callers = [borrow(pool), borrow(pool), borrow(pool), borrow(pool)]
    await clock.settle()
    expect(callers.map(({ outcome }) => outcome)).toEqual([
      undefined,
      undefined,
      undefined,
      'EXO_POOL_EXHAUSTED',
    ])
    for (const { made } of lives) made.resolve()
    await clock.settle()
    expect(callers.map(({ outcome }) => outcome)).toEqual([1, 2, undefined, 'EXO_POOL_EXHAUSTED'])
    expect(pool.statistics().refused).toBe(1)
    await end()
  })

  it('with maxWaiters 0 lends and creates, and never lets anybody wait for another', async () => {
    const { pool, end } = await startPool({ max: 1, maxWaiters: 0 })
    const lease = await pool.acquire()
    await expect(pool.acquire()).rejects.toEqual(code('EXO_POOL_EXHAUSTED'))
    lease.release()
    expect((await pool.acquire()).client.serial).toBe(1)
    await end()
  })
})

describe('a place that becomes free wakes the longest waiter', () => {
  const full = async () => {
    const started = await startPool({ max: 1 })
    const lease = await started.pool.acquire()
    const waiter = borrow(started.pool)
    return { ...started, lease, waiter }
  }

  it('when a broken member is given back', async () => {
    const { lease, waiter, clock, end } = await full()
    lease.discard()
    await clock.settle()
    expect(waiter.outcome).toBe(2)
    await end()
  })

  it('when a borrowed member ends by itself', async () => {
    const { waiter, clock, lives, end } = await full()
    lives[0]?.self.end()
    await clock.settle()
    expect(waiter.outcome).toBe(2)
    await end()
  })

  it('when a creation fails', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ max: 1 })
    mode.initialize = 'wait'
    const [first, second] = [borrow(pool), borrow(pool)]
    lives[0]?.made.reject(new ExovisorError('EXO_PEER_UNREACHABLE', 'refused'))
    await clock.settle()
    expect([first.outcome, second.outcome]).toEqual(['EXO_PEER_UNREACHABLE', undefined])
    lives[1]?.made.resolve()
    await clock.settle()
    expect(second.outcome).toBe(2)
    await end()
  })

  it('when an idle member turns out to be unfit', async () => {
    const { pool, clock, mode, end } = await startPool({ max: 1 }, { validates: true })
    ;(await pool.acquire()).release()
    mode.check = () => {
      throw new Error('stale')
    }
    const [first, second] = [borrow(pool), borrow(pool)]
    await clock.settle()
    expect([first.outcome, second.outcome]).toEqual([2, undefined])
    await end()
  })

  it('only when the old member has released what it holds, so that there are never more than max', async () => {
    const { lease, waiter, pool, clock, mode, lives, end } = await full()
    mode.cleanup = 'wait'
    lease.discard()
    await clock.settle()
    expect(waiter.outcome).toBeUndefined()
    expect(pool.statistics()).toMatchObject({ members: 1, closing: 1 })
    lives[0]?.cleaned.resolve()
    await clock.settle()
    expect(waiter.outcome).toBe(2)
    mode.cleanup = 'at once'
    await end()
  })

  it('at the latest when the closing limit of the old member is over', async () => {
    const { pool, clock, mode, logged } = await startPool({ max: 1, timing: { shutdown: 200 } })
    mode.cleanup = 'wait'
    const lease = await pool.acquire()
    const waiter = borrow(pool)
    lease.discard()
    await clock.advance(200)
    expect(waiter.outcome).toBe(2)
    expect(pool.statistics().closeFailures).toBe(1)
    expect(logged).toContain('connection "p/1" did not finish its cleanup within 200 ms')
    const closing = pool.close()
    await clock.advance(4_000)
    await closing
  })
})

describe('creating members', () => {
  it('does not hold up the lending of an idle one', async () => {
    const { pool, clock, mode, end } = await startPool({ max: 2 })
    const lease = await pool.acquire()
    mode.initialize = 'wait'
    const slow = borrow(pool)
    lease.release()
    await clock.settle()
    // The member that came back serves the waiting caller; the one being created is for whoever comes next.
    expect(slow.outcome).toBe(1)
    expect(pool.statistics()).toMatchObject({ creating: 1, borrowed: 1 })
    await end()
  })

  it('runs for up to max callers at the same time, and never for more', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ max: 3 })
    mode.initialize = 'wait'
    const callers = Array.from({ length: 5 }, () => borrow(pool))
    expect(lives).toHaveLength(3)
    for (const { made } of lives) made.resolve()
    await clock.settle()
    expect(callers.map(({ outcome }) => outcome)).toEqual([1, 2, 3, undefined, undefined])
    await end()
  })

  it('gives the reason of a failure, with its own code, to the caller for whom it was begun', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ max: 2 })
    mode.initialize = 'wait'
    const [first, second] = [borrow(pool), borrow(pool)]
    const fault = new ExovisorError('EXO_PEER_UNREACHABLE', 'connection refused')
    lives[1]?.made.reject(fault)
    await expect(second.lease).rejects.toBe(fault)
    expect(first.outcome).toBeUndefined()
    lives[0]?.made.resolve()
    await clock.settle()
    expect(first.outcome).toBe(1)
    expect(pool.statistics()).toMatchObject({ createFailures: 1, created: 1, destroyed: 0, members: 1 })
    await end()
  })

  it('harms nobody when it fails after its caller was served by another member', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ max: 2 })
    const lease = await pool.acquire()
    mode.initialize = 'wait'
    const caller = borrow(pool)
    lease.release()
    await clock.settle()
    lives[1]?.made.reject(new Error('late'))
    await clock.settle()
    expect(caller.outcome).toBe(1)
    expect(pool.statistics()).toMatchObject({ createFailures: 1, members: 1, timeouts: 0 })
    await end()
  })

  it('passes to the next caller when the first one was served by another member', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ max: 2 })
    const lease = await pool.acquire()
    mode.initialize = 'wait'
    const [first, second] = [borrow(pool), borrow(pool)]
    lease.release()
    lives[1]?.made.resolve()
    await clock.settle()
    expect([first.outcome, second.outcome]).toEqual([1, 2])
    await end()
  })

  it('is tried createAttempts times for one caller, with growing delays', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ createAttempts: 4, retryDelay: 100 })
    mode.fault = new Error('refused')
    const caller = borrow(pool)
    const begun: number[] = []
    for (let ms = 0; ms < 1_000; ms += 10) {
      while (begun.length < lives.length) begun.push(clock.now())
      await clock.advance(10)
    }
    expect(begun).toHaveLength(4)
    const gaps = begun.slice(1).map((at, index) => at - (begun[index] ?? 0))
    // Half of 100, 200 and 400 ms at least, and all of it at most.
    gaps.forEach((gap, index) => {
      expect(gap).toBeGreaterThanOrEqual(50 * 2 ** index)
      expect(gap).toBeLessThanOrEqual(100 * 2 ** index + 10)
    })
    expect(caller.outcome).toBe('EXO_RESOURCE_FAILED')
    await end()
    expect(clock.pending).toBe(0)
  })

  it('is not tried again for a fault that waiting cannot mend', async () => {
    const { pool, mode, lives, end } = await startPool({ createAttempts: 4 })
    mode.fault = new ExovisorError('EXO_CONFIG_INVALID', 'no such host')
    await expect(pool.acquire()).rejects.toEqual(code('EXO_CONFIG_INVALID'))
    expect(lives).toHaveLength(1)
    await end()
  })

  it('that waits for its next try does not stop its caller from being served by a member that comes back', async () => {
    const { pool, clock, mode, end } = await startPool({ max: 2, createAttempts: 5 })
    const lease = await pool.acquire()
    mode.fault = new Error('refused')
    const caller = borrow(pool)
    await clock.settle()
    lease.release()
    await clock.settle()
    expect(caller.outcome).toBe(1)
    await end()
    expect(clock.pending).toBe(0)
  })

  it('is tried no more once its caller has left', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ createAttempts: 5 })
    const timers = clock.pending
    mode.fault = new Error('refused')
    const gone = new AbortController()
    const caller = borrow(pool, { signal: gone.signal })
    await clock.settle()
    gone.abort()
    await clock.settle()
    expect(caller.outcome).toBe('EXO_ABORTED')
    // Until then it may still have to show how much of it is in use.
    await clock.advance(20)
    expect(clock.pending).toBe(timers)
    expect(lives).toHaveLength(1)
    await end()
  })

  it('has the reason of the last failure as the cause when the time of the caller is over', async () => {
    const { pool, clock, mode, end } = await startPool({
      createAttempts: 100,
      retryDelay: 400,
      acquireTimeout: 300,
    })
    mode.fault = new ExovisorError('EXO_PEER_UNREACHABLE', 'refused')
    const waiting = pool.acquire()
    const caught = waiting.catch((error: Error) => error)
    await clock.advance(300)
    expect(await caught).toMatchObject({
      code: 'EXO_POOL_EXHAUSTED',
      cause: { code: 'EXO_PEER_UNREACHABLE' },
    })
    await end()
    expect(clock.pending).toBe(0)
  })

  it('that takes longer than the start limit of a member fails', async () => {
    const { pool, clock, mode, end } = await startPool({ timing: { startTimeout: 50 } })
    mode.initialize = 'wait'
    const caller = borrow(pool)
    await clock.advance(50)
    expect(caller.outcome).toBe('EXO_INITIALIZE_TIMEOUT')
    await end()
  })
})

describe('the least number of members', () => {
  it('is there when the pool is READY', async () => {
    const { pool, end } = await startPool({ min: 3 })
    expect(pool.statistics()).toMatchObject({ idle: 3, members: 3, created: 3 })
    await end()
  })

  it('fails the start of the pool when one of them cannot be created, and closes the others', async () => {
    const members = pooled()
    members.mode.initialize = 'wait'
    const clock = new VirtualClock()
    const fault = new ExovisorError('EXO_PEER_UNREACHABLE', 'refused')
    const starting = createPool(members.definition, { input: {}, min: 3, clock })
    await clock.settle()
    members.lives[0]?.made.resolve()
    await clock.settle()
    members.lives[1]?.made.reject(fault)
    await expect(starting).rejects.toBe(fault)
    expect(members.lives.map(({ isOpen }) => isOpen)).toEqual([false, false, false])
    expect(clock.pending).toBe(0)
  })

  it('is made up again after failures with growing delays, and not in a busy loop', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ min: 2, max: 4, retryDelay: 1_000 })
    mode.fault = new Error('down')
    for (const { self } of lives) self.fail(new Error('down'))
    await clock.advance(60_000)
    const tried = lives.length - 2
    expect(tried).toBeGreaterThanOrEqual(2)
    // At most two at a time, at 0, 1, 3, 7, 15, 31 and 61 s; twice that because one half of a delay is chance.
    expect(tried).toBeLessThanOrEqual(16)
    mode.fault = undefined
    await clock.advance(30_000)
    expect(pool.statistics()).toMatchObject({ idle: 2, members: 2 })
    await end()
    expect(clock.pending).toBe(0)
  })

  it('starts from the first delay again after a success', async () => {
    const { clock, mode, lives, end } = await startPool({ min: 1, retryDelay: 1_000 })
    const failFor = async (ms: number): Promise<number> => {
      mode.fault = new Error('down')
      lives.at(-1)?.self.fail(new Error('down'))
      const before = lives.length
      await clock.advance(ms)
      mode.fault = undefined
      return lives.length - before
    }
    await failFor(60_000)
    await clock.advance(40_000)
    // One at once, which is not counted, and one after half a second to a second.
    expect(await failFor(1_000)).toBe(1)
    await end()
  })

  it('does not make a caller wait for its delay', async () => {
    const { pool, clock, mode, lives, end } = await startPool({ min: 1, max: 4, retryDelay: 10_000 })
    mode.fault = new Error('down')
    lives[0]?.self.fail(new Error('down'))
    await clock.settle()
    mode.fault = undefined
    const caller = borrow(pool)
    await clock.settle()
    expect(caller.outcome).toBe(lives.length)
    await end()
  })
})

describe('time', () => {
  it('closes a member above the least number that nobody has used for idleTime', async () => {
    const { pool, clock, end } = await startPool({ min: 1, idleTime: 1_000 })
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])
    for (const lease of leases) lease.release()
    await clock.advance(999)
    expect(pool.statistics().idle).toBe(3)
    await clock.advance(1)
    expect(pool.statistics()).toMatchObject({ idle: 1, members: 1, idleExpired: 2, destroyed: 2 })
    await clock.advance(100_000)
    expect(pool.statistics().members).toBe(1)
    await end()
  })

  it('counts idleness from the last use, so that a member in steady use stays', async () => {
    const { pool, clock, end } = await startPool({ idleTime: 400 })
    for (let round = 0; round < 12; round += 1) {
      const lease = await pool.acquire()
      await clock.advance(50)
      lease.release()
      await clock.advance(50)
    }
    expect(pool.statistics()).toMatchObject({ created: 1, idleExpired: 0, borrows: 12 })
    await end()
  })

  it('closes a member at the end of its life: at once when idle, at its release when borrowed', async () => {
    const { pool, clock, lives, end } = await startPool({ maxLifetime: 1_000, lifetimeJitter: 0, min: 1 })
    await clock.advance(1_000)
    expect(pool.statistics()).toMatchObject({ lifetimeExpired: 1, members: 1, created: 2 })
    const lease = await pool.acquire()
    await clock.advance(5_000)
    expect(lease.client.serial).toBe(2)
    lease.release()
    await clock.settle()
    expect(lives[1]?.isOpen).toBe(false)
    expect(pool.statistics()).toMatchObject({ lifetimeExpired: 2, idle: 1 })
    await end()
  })

  it('spreads the ends of lives that began together, by the generator that was given', async () => {
    const { clock, lives, end } = await startPool({
      min: 20,
      max: 20,
      maxLifetime: 1_000,
      lifetimeJitter: 0.5,
    })
    const ends = new Set<number>()
    await clock.advance(499)
    expect(lives.every(({ isOpen }) => isOpen)).toBe(true)
    for (let ms = 500; ms <= 1_000; ms += 10) {
      await clock.advance(10)
      lives.slice(0, 20).forEach(({ isOpen, connection }) => {
        if (!isOpen) ends.add(connection.serial)
      })
      if (ms === 750) expect(ends.size).toBeGreaterThan(3)
      if (ms === 750) expect(ends.size).toBeLessThan(17)
    }
    expect(ends.size).toBe(20)
    await end()
  })

  it('reports a borrow that lasts too long with its time and its holder, and takes the member back', async () => {
    const reports: unknown[] = []
    const { pool, clock, lives, logged, end } = await startPool({
      max: 1,
      abandonedAfter: 5_000,
      onAbandoned: report => {
        reports.push(report)
        throw new Error('a listener at fault')
      },
    })
    await clock.advance(7)
    const lease = await pool.acquire({ holder: 'nightly job' })
    const waiter = borrow(pool)
    await clock.advance(4_999)
    expect(reports).toEqual([])
    await clock.advance(1)
    expect(reports).toEqual([{ pool: 'p', member: 'p/1', holder: 'nightly job', since: 7, heldFor: 5_000 }])
    expect(lease.signal.reason).toEqual(code('EXO_RESOURCE_CLOSED'))
    expect(lives[0]?.isOpen).toBe(false)
    expect(waiter.outcome).toBe(2)
    lease.release()
    expect(pool.statistics()).toMatchObject({ abandoned: 1, borrowed: 1, members: 1 })
    expect(logged).toEqual([
      'connection "p/1" was borrowed by nightly job for 5000 ms and not given back, so it was taken back',
      'onAbandoned of pool "p" threw',
    ])
    await end()
  })
})

describe('validating', () => {
  it('happens each time an idle member is lent, by the health check of its kind', async () => {
    const { pool, mode, end } = await startPool({}, { validates: true })
    const checked: number[] = []
    mode.check = ({ serial }) => void checked.push(serial)
    for (let round = 0; round < 3; round += 1) (await pool.acquire()).release()
    // The first borrow got a member that had just been made.
    expect(checked).toEqual([1, 1])
    await end()
  })

  it('replaces what is unfit, one after the other, until one is fit', async () => {
    const { pool, mode, end } = await startPool({}, { validates: true })
    for (const lease of [await pool.acquire(), await pool.acquire(), await pool.acquire()]) lease.release()
    mode.check = ({ serial }) => {
      if (serial > 1) throw new Error('stale')
    }
    expect((await pool.acquire()).client.serial).toBe(1)
    expect(pool.statistics().validationFailures).toBe(2)
    await end()
  })

  it('that hangs is over after the time of one health check, and the member is closed', async () => {
    const { pool, mode, clock, end } = await startPool(
      { timing: { health: { interval: 60_000, timeout: 80, failures: 1, of: 1 } } },
      { validates: true },
    )
    ;(await pool.acquire()).release()
    mode.check = () => new Promise<void>(() => undefined)
    const caller = borrow(pool)
    await clock.advance(79)
    expect(caller.outcome).toBeUndefined()
    await clock.advance(1)
    expect(caller.outcome).toBe(2)
    await end()
    expect(clock.pending).toBe(0)
  })

  it('can be an own function, or be left out', async () => {
    const seen: number[] = []
    const own = await startPool({ validate: ({ serial }) => void seen.push(serial) }, { validates: true })
    ;(await own.pool.acquire()).release()
    await own.pool.acquire()
    expect(seen).toEqual([1])
    await own.end()

    const none = await startPool({ validate: false }, { validates: true })
    none.mode.check = () => {
      throw new Error('never asked')
    }
    ;(await none.pool.acquire()).release()
    expect((await none.pool.acquire()).client.serial).toBe(1)
    await none.end()
  })

  it('of a slow member does not let a later caller overtake: the first fit one goes to the first caller', async () => {
    const { pool, mode, clock, end } = await startPool({ max: 2, min: 2 }, { validates: true })
    let finish: () => void = () => undefined
    mode.check = ({ serial }) =>
      serial === 2 ? new Promise<void>(resolve => (finish = resolve)) : Promise.resolve()
    const [first, second] = [borrow(pool), borrow(pool)]
    await clock.settle()
    expect([first.outcome, second.outcome]).toEqual([1, undefined])
    finish()
    await clock.settle()
    expect(second.outcome).toBe(2)
    await end()
  })

  it('of a member whose caller has left ends with the member idle', async () => {
    const { pool, mode, clock, end } = await startPool({}, { validates: true })
    ;(await pool.acquire()).release()
    let finish: () => void = () => undefined
    mode.check = () => new Promise<void>(resolve => (finish = resolve))
    const caller = borrow(pool, { timeout: 5 })
    await clock.advance(5)
    finish()
    await clock.settle()
    expect(caller.outcome).toBe('EXO_POOL_EXHAUSTED')
    expect(pool.statistics()).toMatchObject({ idle: 1, validating: 0 })
    await end()
  })
})

describe('closing a pool', () => {
  it('refuses those who wait and those who come, waits for what is borrowed, and closes all', async () => {
    const { pool, lives, clock } = await startPool({ max: 2 })
    const [lease, idle] = [await pool.acquire(), await pool.acquire()]
    const waiter = borrow(pool)
    idle.discard()
    const closing = pool.close()
    await clock.settle()
    expect(waiter.outcome).toBe('EXO_RESOURCE_CLOSED')
    await expect(pool.acquire()).rejects.toEqual(code('EXO_RESOURCE_CLOSED'))
    expect(pool.state).toBe('CLOSING')
    expect(lease.signal.aborted).toBe(false)
    lease.release()
    await closing
    expect(pool.state).toBe('CLOSED')
    expect(lives.every(({ isOpen, cleanups }) => !isOpen && cleanups === 1)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('takes back what is still borrowed when drainTimeout is over; its release does nothing then', async () => {
    const { pool, lives, clock } = await startPool({ drainTimeout: 700 })
    const lease = await pool.acquire()
    const closing = pool.close()
    await clock.advance(699)
    expect(lives[0]?.isOpen).toBe(true)
    await clock.advance(1)
    await closing
    expect(lives[0]?.isOpen).toBe(false)
    expect(lease.signal.reason).toEqual(code('EXO_RESOURCE_CLOSED'))
    lease.release()
    await lease[Symbol.asyncDispose]()
    expect(clock.pending).toBe(0)
  })

  it('gives up creations and validations that are under way', async () => {
    const { pool, lives, clock, mode } = await startPool({ max: 3 }, { validates: true })
    ;(await pool.acquire()).release()
    mode.check = () => new Promise<void>(() => undefined)
    mode.initialize = 'wait'
    const callers = [borrow(pool), borrow(pool)]
    await clock.settle()
    expect(pool.statistics()).toMatchObject({ validating: 1, creating: 1 })
    const closing = pool.close()
    await clock.settle()
    await closing
    expect(callers.map(({ outcome }) => outcome)).toEqual(['EXO_RESOURCE_CLOSED', 'EXO_RESOURCE_CLOSED'])
    expect(lives.every(({ isOpen }) => !isOpen)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it('by drain does the same, and ends the pool in the normal way', async () => {
    const { pool, clock } = await startPool()
    const lease = await pool.acquire()
    const draining = pool.drain()
    await clock.settle()
    expect(pool.state).toBe('READY')
    await expect(pool.acquire()).rejects.toEqual(code('EXO_RESOURCE_CLOSED'))
    lease.release()
    await draining
    await clock.settle()
    expect(pool.state).toBe('CLOSED')
    expect(clock.pending).toBe(0)
  })
})

describe('a pool as a resource', () => {
  it('is supervised like any other: its successor is a new pool behind the same ref', async () => {
    const { definition, lives } = pooled()
    const clock = new VirtualClock()
    const connections = poolResource(definition)
    const root = await supervise({
      clock,
      children: [
        {
          id: 'db',
          resource: connections,
          input: { input: {}, min: 1 },
          policy: { backoff: { initial: 0 } },
        },
      ],
    })
    const ref = root.ref(connections, 'db')
    const before = await ref.ready()
    const waiter = borrow({ acquire: options => before.acquire(options) })
    await clock.settle()
    expect(ref.snapshot()).toMatchObject({ kind: 'pool', value: { READY: 'serving' } })
    ref.fail(new Error('split brain'))
    await expect(before.acquire()).rejects.toEqual(code('EXO_RESOURCE_CLOSED'))
    expect(waiter.outcome).toBe(1)
    await clock.advance(3_000)
    const after = await ref.ready()
    expect(after).not.toBe(before)
    expect(await after.use(({ serial }) => serial)).toBe(2)
    await root.close()
    expect(lives.every(({ isOpen, cleanups }) => !isOpen && cleanups === 1)).toBe(true)
    expect(clock.pending).toBe(0)
  })

  it.each([
    ['a shorter limit than its own', 100, 100],
    ['no time at all', 'kill' as const, 0],
  ])('takes back what is borrowed when its supervisor gives it %s', async (_, shutdown, after) => {
    const { definition, lives } = pooled()
    const clock = new VirtualClock()
    const connections = poolResource(definition)
    const input = { input: {}, drainTimeout: 60_000 }
    const root = await supervise({
      clock,
      children: [{ id: 'db', resource: connections, input, policy: { shutdown } }],
    })
    const pool = await root.ref(connections, 'db').ready()
    const lease = await pool.acquire()
    const closing = root.close()
    await clock.advance(after)
    await closing
    await clock.settle()
    expect(clock.now()).toBe(after)
    expect(lease.signal.aborted).toBe(true)
    expect(lives.map(({ isOpen }) => isOpen)).toEqual([false])
    expect(clock.pending).toBe(0)
  })

  it('that cannot be filled within its start limit fails and leaves nothing', async () => {
    const { definition, lives, mode } = pooled()
    const clock = new VirtualClock()
    mode.initialize = 'wait'
    const starting = supervise({
      clock,
      children: [
        {
          id: 'db',
          resource: poolResource(definition),
          input: { input: {}, min: 2 },
          policy: { startTimeout: 50 },
        },
      ],
    })
    const failing = expect(starting).rejects.toEqual(code('EXO_INITIALIZE_TIMEOUT'))
    await clock.advance(50)
    await failing
    expect(lives.map(({ isOpen }) => isOpen)).toEqual([false, false])
    expect(clock.pending).toBe(0)
  })

  it('shows in its machine whether it is idle, serves, is exhausted or drains', async () => {
    const { definition } = pooled()
    const clock = new VirtualClock()
    const connections = poolResource(definition)
    const root = await supervise({
      clock,
      children: [
        { id: 'db', resource: connections, input: { input: {}, max: 1 }, restart: 'temporary' as const },
      ],
    })
    const ref = root.ref(connections, 'db')
    const pool = await ref.ready()
    const values: unknown[] = []
    const look = async () => {
      await clock.advance(20)
      values.push((ref.snapshot().value as { READY: string }).READY)
    }
    await look()
    const lease = await pool.acquire()
    await look()
    const waiter = pool.acquire()
    await look()
    lease.release()
    await look()
    const draining = pool.drain()
    await look()
    ;(await waiter).release()
    await draining
    expect(values).toEqual(['idle', 'serving', 'exhausted', 'serving', 'draining'])
    await root.close()
  })

  it('tells its machine of many borrows once in 20 ms at most, and costs the event loop no turn for each', async () => {
    const { definition } = pooled()
    const clock = new VirtualClock()
    const told: string[] = []
    let turns = 0
    const nextTurn = clock.nextTurn.bind(clock)
    clock.nextTurn = fn => {
      turns += 1
      nextTurn(fn)
    }
    const pool = await createPool(definition, {
      input: {},
      clock,
      min: 1,
      inspect: seen => {
        if (seen.type === '@xstate.event' && seen.event.type.startsWith('load.')) told.push(seen.event.type)
      },
    })
    turns = 0
    for (let round = 0; round < 100; round += 1) {
      ;(await pool.acquire()).release()
      await clock.settle()
    }
    expect(turns).toBeLessThanOrEqual(1)
    expect(told.length).toBeLessThanOrEqual(1)
    const lease = await pool.acquire()
    await clock.advance(20)
    expect(told.at(-1)).toBe('load.some')
    lease.release()
    await pool.close()
    expect(clock.pending).toBe(0)
  })

  it('becomes DEGRADED when it has nothing to lend and cannot create anything, and READY when it can', async () => {
    const { definition, lives, mode } = pooled()
    const clock = new VirtualClock()
    const connections = poolResource(definition)
    const policy = { degraded: { after: { failures: 1, of: 1 }, grace: 1e9 }, probe: { interval: 1_000 } }
    const root = await supervise({
      clock,
      children: [
        { id: 'db', resource: connections, input: { input: {}, min: 1, maxRetryDelay: 5_000 }, policy },
      ],
    })
    const ref = root.ref(connections, 'db')
    mode.fault = new Error('the database is down')
    lives[0]?.self.fail(new Error('the database is down'))
    await clock.advance(1_500)
    expect(ref.state).toBe('DEGRADED')
    expect(ref.lastError?.message).toContain('pool "db" has no member to lend')
    mode.fault = undefined
    await clock.advance(10_000)
    expect(ref.state).toBe('READY')
    await root.close()
  })

  it('has its members in the XState system of its tree, and they end with it', async () => {
    const { definition, lives } = pooled()
    const clock = new VirtualClock()
    const seen = new Set<string>()
    const pool = await createPool(definition, {
      input: {},
      clock,
      min: 1,
      name: 'p',
      inspect: event => {
        if ('actorRef' in event) seen.add(String((event.actorRef as { id?: string }).id))
      },
    })
    expect([...seen]).toEqual(expect.arrayContaining(['p#1', 'p/1#1']))
    await pool.close()
    expect(lives.map(({ isOpen }) => isOpen)).toEqual([false])
  })
})

describe('the options of a pool', () => {
  const { definition } = pooled()
  const wrong = (options: object) => createPool(definition, { input: {}, name: 'p', ...options })

  it('are all checked at once, and the error names each wrong one', async () => {
    const failing = wrong({ min: 5, max: 2, idleTime: Number.NaN, lifetimeJitter: 2, retryDelay: 0 })
    await expect(failing).rejects.toEqual(code('EXO_POOL_INVALID'))
    await expect(failing).rejects.toThrow(
      'pool "p": min is 5, expected a whole number from 0 to max, which is 2; ' +
        'idleTime is NaN, expected a number of milliseconds, at least 0; ' +
        'lifetimeJitter is 2, expected a number from 0 to 1; ' +
        'retryDelay is 0, expected a number of milliseconds, at least 1',
    )
  })

  it.each([
    ['max', 0],
    ['max', 10_001],
    ['max', '3'],
    ['maxWaiters', -1],
    ['acquireTimeout', -1],
    ['acquireTimeout', null],
    ['maxLifetime', 0],
    ['abandonedAfter', '5s'],
    ['drainTimeout', Number.NaN],
    ['createAttempts', 0],
    ['retryDelay', Number.POSITIVE_INFINITY],
    ['maxRetryDelay', 1],
    ['validate', true],
  ])('%s cannot be %s', async (option, value) => {
    await expect(wrong({ [option]: value })).rejects.toThrow(
      `pool "p": ${option} is ${String(value)}, expected`,
    )
  })

  it('may be infinite where they are times', async () => {
    const infinite = Number.POSITIVE_INFINITY
    const pool = await wrong({ acquireTimeout: infinite, idleTime: infinite, maxLifetime: infinite })
    ;(await pool.acquire()).release()
    await pool.close()
  })

  it('include the time of a caller, which is checked too', async () => {
    const { pool, end } = await startPool()
    for (const timeout of [-1, Number.NaN])
      await expect(pool.acquire({ timeout })).rejects.toEqual(code('EXO_POOL_INVALID'))
    await end()
  })
})

describe('the statistics of a pool', () => {
  it('are plain data whose members add up', async () => {
    const { pool, clock, end } = await startPool({ max: 2 })
    const lease = await pool.acquire()
    ;(await pool.acquire()).release()
    const statistics = pool.statistics()
    expect(JSON.parse(JSON.stringify(statistics))).toEqual(statistics)
    expect(statistics).toMatchObject({ members: 2, idle: 1, borrowed: 1, borrows: 2, waiting: 0 })
    lease.release()
    await clock.settle()
    await end()
  })

  it('tell how long borrowers waited: the median and the longest', async () => {
    const { pool, clock, end } = await startPool({ max: 1 })
    for (const ms of [30, 10, 20]) {
      const lease = await pool.acquire()
      const waiter = pool.acquire()
      await clock.advance(ms)
      lease.release()
      ;(await waiter).release()
    }
    // Three of the six did not wait.
    expect(pool.statistics().wait).toEqual({ p50: 0, max: 30 })
    for (let round = 0; round < 6; round += 1) {
      const lease = await pool.acquire()
      const waiter = pool.acquire()
      const another = pool.acquire()
      await clock.advance(15)
      lease.release()
      ;(await waiter).release()
      ;(await another).release()
    }
    expect(pool.statistics().wait).toEqual({ p50: 15, max: 30 })
    await end()
  })
})
