import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { SeededScheduler, TurnScheduler } from '../../src/concurrency/scheduler.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('TurnScheduler', () => {
  it('runs tasks in the order of their posting, those that tasks post included', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (children, tasks) => {
          const clock = new VirtualClock()
          const scheduler = new TurnScheduler(clock, { tasks })
          const order: number[] = []
          let posted = 0
          const post = (further: number): void => {
            const number = posted
            posted += 1
            scheduler.post(() => {
              order.push(number)
              for (let child = 0; child < further; child += 1) post(0)
            })
          }
          for (const further of children) post(further)
          await clock.settle()
          expect(order).toEqual(numbers(posted))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('never runs a task within the call that posts it', async () => {
    const clock = new VirtualClock()
    const scheduler = new TurnScheduler(clock)
    const seen: string[] = []
    scheduler.post(() => {
      scheduler.post(() => seen.push('inner'))
      seen.push('outer')
    })
    seen.push('caller')
    await clock.settle()
    expect(seen).toEqual(['caller', 'outer', 'inner'])
  })

  it('gives the event loop its turn after so many tasks', async () => {
    const clock = new VirtualClock()
    const scheduler = new TurnScheduler(clock, { tasks: 10 })
    let done = 0
    const seen: number[] = []
    for (let index = 0; index < 35; index += 1) scheduler.post(() => (done += 1))
    for (let turn = 0; turn < 4; turn += 1) {
      await new Promise<void>(resolve => setImmediate(resolve))
      seen.push(done)
    }
    expect(seen).toEqual([10, 20, 30, 35])
  })

  it('gives the event loop its turn also when the queue is empty again and again, as among actors that wait for promises', async () => {
    const scheduler = new TurnScheduler(new VirtualClock(), { tasks: 10 })
    let done = 0
    const again = (): void => {
      done += 1
      if (done < 100) void Promise.resolve().then(() => scheduler.post(again))
    }
    scheduler.post(again)
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(done).toBe(10)
  })

  it('measures each turn anew: time that passed in an earlier one does not count', async () => {
    const clock = new VirtualClock()
    let now = 0
    const scheduler = new TurnScheduler(
      {
        setTimeout: clock.setTimeout,
        clearTimeout: () => undefined,
        now: () => now,
        nextTurn: fn => clock.nextTurn(fn),
      },
      { ms: 5 },
    )
    let done = 0
    for (let index = 0; index < 100; index += 1)
      scheduler.post(() => {
        done += 1
        if (done <= 16) now += 1
      })
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(done).toBe(16)
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(done).toBe(100)
  })

  it('counts the further pieces of work that a task says it did', async () => {
    const scheduler = new TurnScheduler(new VirtualClock(), { tasks: 10 })
    let done = 0
    for (let index = 0; index < 10; index += 1)
      scheduler.post(() => {
        done += 1
        scheduler.charge(4)
      })
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(done).toBe(2)
  })

  it('gives the event loop its turn after so long', async () => {
    const clock = new VirtualClock()
    let now = 0
    const slow = {
      now: () => now,
      setTimeout: clock.setTimeout,
      clearTimeout: () => undefined,
      nextTurn: (fn: () => void) => clock.nextTurn(fn),
    }
    const scheduler = new TurnScheduler(slow, { ms: 5 })
    let done = 0
    for (let index = 0; index < 40; index += 1)
      scheduler.post(() => {
        now += 1
        done += 1
      })
    const seen: number[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise<void>(resolve => setImmediate(resolve))
      seen.push(done)
    }
    expect(seen).toEqual([16, 32, 40])
    await clock.settle()
    expect(done).toBe(40)
  })

  it('ends a turn whose time is over to the millisecond, and reads the clock after every 16th task only', async () => {
    const clock = new VirtualClock()
    let now = 0
    let looks = 0
    const read = (): number => {
      looks += 1
      return now
    }
    const timed = {
      now: read,
      setTimeout: clock.setTimeout,
      clearTimeout: () => undefined,
      nextTurn: (fn: () => void) => clock.nextTurn(fn),
    }
    const scheduler = new TurnScheduler(timed, { ms: 5 })
    let done = 0
    for (let index = 0; index < 100; index += 1)
      scheduler.post(() => {
        done += 1
        if (done === 40) now = 5
      })
    await new Promise<void>(resolve => setImmediate(resolve))
    expect(done).toBe(48)
    // When it was made, and after 16, 32 and 48 tasks.
    expect(looks).toBe(4)
  })

  it('goes on after a task that threw', async () => {
    const turns: (() => void)[] = []
    const clock = new VirtualClock()
    const scheduler = new TurnScheduler(
      {
        now: () => 0,
        setTimeout: clock.setTimeout,
        clearTimeout: () => undefined,
        nextTurn: fn => void turns.push(fn),
      },
      { tasks: 1 },
    )
    const seen: string[] = []
    scheduler.post(() => undefined)
    scheduler.post(() => {
      throw new Error('a fault of the kernel')
    })
    scheduler.post(() => seen.push('after'))
    await clock.settle()
    expect(turns.shift()).toThrow('a fault of the kernel')
    turns.shift()?.()
    expect(seen).toEqual(['after'])
  })
})

describe('SeededScheduler', () => {
  const run = async (seed: number): Promise<number[]> => {
    const clock = new VirtualClock()
    const scheduler = new SeededScheduler(clock, seededRandom(seed))
    const order: number[] = []
    for (const index of numbers(8)) scheduler.post(() => order.push(index))
    await clock.settle()
    return order
  }

  it('runs every task once, in an order that the seed alone decides', async () => {
    const orders = await Promise.all(numbers(20).map(run))
    for (const [seed, order] of orders.entries()) {
      expect(order.toSorted((a, b) => a - b)).toEqual(numbers(8))
      expect(await run(seed)).toEqual(order)
    }
    expect(new Set(orders.map(String)).size).toBeGreaterThan(15)
  })
})
