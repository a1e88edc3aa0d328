import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

describe('VirtualClock', () => {
  it('fires timers in the order of their times, each at its own time, equal ones in the order they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(50), { maxLength: 40 }), async delays => {
        const clock = new VirtualClock()
        const fired: [number, number][] = []
        for (const [index, delay] of delays.entries())
          clock.setTimeout(() => fired.push([clock.now(), index]), delay)
        await clock.advance(50)
        const expected = delays
          .map((delay, index) => [delay, index] as const)
          .sort((a, b) => a[0] - b[0] || a[1] - b[1])
        expect(fired).toEqual(expected)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('never fires a cleared timer, and clears in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 30 }), async timers => {
        const clock = new VirtualClock()
        const fired: number[] = []
        const handles = timers.map(([delay], index) => clock.setTimeout(() => fired.push(index), delay))
        for (const [index, handle] of handles.entries()) if (timers[index]?.[1]) clock.clearTimeout(handle)
        expect(clock.pending).toBe(timers.filter(([, cleared]) => !cleared).length)
        await clock.advance(20)
        expect(fired.toSorted((a, b) => a - b)).toEqual(
          timers.flatMap(([, cleared], index) => (cleared ? [] : [index])),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('lets what a timer causes happen before the next one fires', async () => {
    const clock = new VirtualClock(100)
    const log: string[] = []
    clock.setTimeout(() => void Promise.resolve().then(() => log.push('first, later')), 10)
    clock.setTimeout(() => log.push('second'), 10)
    await clock.advance(10)
    expect(log).toEqual(['first, later', 'second'])
    expect(clock.now()).toBe(110)
  })

  it('fires timers that other timers set, if they are due in the same stretch', async () => {
    const clock = new VirtualClock()
    const times: number[] = []
    const again = () => {
      times.push(clock.now())
      clock.setTimeout(again, 10)
    }
    again()
    await clock.advance(35)
    expect(times).toEqual([0, 10, 20, 30])
    expect(clock.nextDue).toBe(40)
  })

  it('clears nothing for a handle that is none, or whose timer has fired', async () => {
    const clock = new VirtualClock()
    const fired = clock.setTimeout(() => undefined, 10)
    await clock.advance(10)
    clock.setTimeout(() => undefined, 10)
    clock.clearTimeout(undefined)
    clock.clearTimeout(fired)
    expect(clock.pending).toBe(1)
  })

  it('does not fire a timer of the future', async () => {
    const clock = new VirtualClock()
    let fired = false
    clock.setTimeout(() => (fired = true), 10)
    await clock.advance(9)
    expect(fired).toBe(false)
  })
})

describe('Test clock with auto-advance', () => {
  it('jumps from timer to timer until the work has settled, and no further', async () => {
    const clock = new VirtualClock(5)
    const seen: number[] = []
    const work = async () => {
      for (const ms of [10, 3_600_000]) {
        await new Promise<void>(resolve => clock.setTimeout(resolve, ms))
        seen.push(clock.now())
      }
      clock.setTimeout(() => seen.push(-1), 1)
      return 'done'
    }
    expect(await clock.until(work())).toBe('done')
    expect(seen).toEqual([15, 3_600_015])
    expect(clock.pending).toBe(1)
  })

  it('throws what the work throws', async () => {
    const clock = new VirtualClock()
    const fault = new Error('no route')
    const work = new Promise<never>((_, reject) => clock.setTimeout(() => reject(fault), 10))
    await expect(clock.until(work)).rejects.toBe(fault)
  })

  it('says so when nothing could ever settle the work', async () => {
    await expect(new VirtualClock(7).until(new Promise(() => undefined))).rejects.toMatchObject({
      code: 'EXO_DEADLINE_EXCEEDED',
      message: 'the work has not settled at 7 ms, and no timer is armed that could change that',
    })
  })
})
