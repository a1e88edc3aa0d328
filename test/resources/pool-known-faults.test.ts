import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createPool } from '../../src/resources/pool/create-pool.ts'
import { type Borrower, borrow, code, pooled, startPool } from './pooled.ts'

const served = (callers: readonly Borrower[]) =>
  callers.filter(({ outcome }) => typeof outcome === 'number').length

describe('faults that pools are known for', () => {
  it('does not create one member after the other: ten callers wait as long as one', async () => {
    const { pool, clock, mode, end } = await startPool()
    mode.startTakes = 300
    const callers = Array.from({ length: 10 }, () => borrow(pool))
    await clock.advance(299)
    expect(served(callers)).toBe(0)
    await clock.advance(1)
    expect(served(callers)).toBe(10)
    await end()
  })

  it('takes members back and lends them on while another is being created', async () => {
    const { pool, mode, clock, end } = await startPool({ max: 2 })
    const lease = await pool.acquire()
    mode.initialize = 'wait'
    const creating = borrow(pool, { timeout: 5 })
    await clock.advance(5)
    expect(creating.outcome).toBe('EXO_POOL_EXHAUSTED')
    for (let round = 0; round < 3; round += 1) {
      lease.release()
      const again = await pool.acquire()
      expect(again.client.serial).toBe(1)
      again.release()
    }
    expect(pool.statistics().creating).toBe(1)
    await end()
  })

  it('does not let a caller wait in vain when a broken member is given back and its place is free', async () => {
    const { pool, lives, clock, end } = await startPool({ max: 1, acquireTimeout: 1_000 })
    const lease = await pool.acquire()
    const waiter = borrow(pool)
    lives[0]?.self.degrade(new Error('half open'))
    lease.release()
    await clock.settle()
    expect(waiter.outcome).toBe(2)
    await end()
  })

  it('does not destroy what is in use when it is stopped, and a release after the stop raises nothing', async () => {
    const { pool, lives, clock } = await startPool({ max: 1 })
    const lease = await pool.acquire()
    const waiter = borrow(pool)
    const closing = pool.close()
    await clock.advance(1_000)
    expect(waiter.outcome).toBe('EXO_RESOURCE_CLOSED')
    expect(lives[0]?.isOpen).toBe(true)
    expect(lease.client.serial).toBe(1)
    lease.release()
    await closing
    expect(lives[0]?.isOpen).toBe(false)
    lease.release()
    lease.discard()
  })

  it('does not take a busy member for an idle one: one connection serves steady use for as long as it lasts', async () => {
    const { pool, clock, end } = await startPool({ idleTime: 400, acquireTimeout: 100 })
    while (clock.now() < 5_000) {
      const lease = await pool.acquire()
      await clock.advance(100)
      lease.release()
    }
    expect(pool.statistics()).toMatchObject({ created: 1, destroyed: 0 })
    await end()
  })

  it('does not exceed its maximum when all are busy', async () => {
    const { pool, clock, lives, end } = await startPool({ max: 3 })
    const callers = Array.from({ length: 30 }, () => borrow(pool))
    await clock.settle()
    expect(served(callers)).toBe(3)
    expect(lives).toHaveLength(3)
    await end()
  })

  it('does not get stuck when a caller leaves while its member is being created: the next caller gets that one', async () => {
    const { pool, clock, mode, end } = await startPool({ max: 1 })
    mode.startTakes = 300
    const gone = new AbortController()
    const first = borrow(pool, { signal: gone.signal })
    await clock.advance(100)
    gone.abort()
    const second = borrow(pool, { timeout: 250 })
    await clock.advance(200)
    expect([first.outcome, second.outcome]).toEqual(['EXO_ABORTED', 1])
    await end()
  })

  it('does not wait for a creation when it is closed: that one is given up at once', async () => {
    const { pool, clock, mode } = await startPool()
    mode.initialize = 'wait'
    const caller = borrow(pool)
    const closing = pool.close()
    await closing
    expect(clock.now()).toBe(0)
    expect(caller.outcome).toBe('EXO_RESOURCE_CLOSED')
    expect(clock.pending).toBe(0)
  })

  it('does not leave a block with anything open: the end of await using waits for every cleanup', async () => {
    const { definition, lives, mode } = pooled()
    const clock = new VirtualClock()
    mode.cleanup = 'wait'
    let isLeft = false
    const block = (async () => {
      await using pool = await createPool(definition, { input: {}, clock, min: 2 })
      await pool.use(() => undefined)
    })().then(() => (isLeft = true))
    await clock.advance(10)
    expect(isLeft).toBe(false)
    for (const { cleaned } of lives) cleaned.resolve()
    await block
    expect(lives.map(({ isOpen }) => isOpen)).toEqual([false, false])
  })

  it('does not give a member back before the work is over, whichever kind of function does it', async () => {
    const { pool, clock, end } = await startPool({ max: 1 })
    let finish: () => void = () => undefined
    const slow = pool.use(() => new Promise<string>(resolve => (finish = () => resolve('slow'))))
    const arrow = pool.use(({ serial }) => serial)
    const block = pool.use(async ({ serial }) => serial + 1)
    await clock.settle()
    expect(pool.statistics()).toMatchObject({ borrowed: 1, waiting: 2, borrows: 1 })
    finish()
    expect(await Promise.all([slow, arrow, block])).toEqual(['slow', 1, 2])
    await end()
  })

  it('does not stay half started: when one of its first members fails, the others are closed and nobody has to watch for their ends', async () => {
    const { definition, lives, mode } = pooled()
    const clock = new VirtualClock()
    mode.initialize = 'wait'
    const starting = createPool(definition, { input: {}, min: 4, clock })
    await clock.settle()
    lives[0]?.made.resolve()
    lives[1]?.made.reject(new Error('refused'))
    lives[2]?.made.reject(new Error('refused too'))
    await expect(starting).rejects.toEqual(code('EXO_RESOURCE_FAILED'))
    expect(lives.map(({ isOpen }) => isOpen)).toEqual([false, false, false, false])
    expect(clock.pending).toBe(0)
  })

  it('does not forget what happened: a member that did not get well again is counted, with its reason in the error of the caller', async () => {
    const { pool, mode, clock, end } = await startPool({ max: 1 }, { validates: true })
    ;(await pool.acquire()).release()
    mode.check = () => {
      throw new Error('stale session')
    }
    mode.fault = new Error('the server is gone')
    const caller = pool.acquire()
    const caught = caller.catch((error: Error) => error.message)
    await clock.settle()
    expect(await caught).toBe('connection "p/2" failed to initialise: the server is gone')
    expect(pool.statistics()).toMatchObject({ validationFailures: 1, createFailures: 1, waiting: 0 })
    await end()
  })
})
