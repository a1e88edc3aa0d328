import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { PickingClock } from './picking-clock.ts'

/** Picks until nobody waits. */
function drain(clock: PickingClock): string[] {
  const labels: string[] = []
  for (let pick = clock.pick(); pick; pick = clock.pick()) {
    pick.go()
    labels.push(`${pick.label} at ${clock.now()}`)
  }
  return labels
}

describe('a clock that picks', () => {
  it('lets those that are due at one moment go in every order that there is, and in the same one for the same seed', () => {
    const order = (seed: number): string => {
      const clock = new PickingClock(seededRandom(seed))
      void clock.gate('a')
      clock.naming('b', () => clock.setTimeout(() => undefined, 0))
      void clock.gate('c')
      return drain(clock).join()
    }
    const orders = new Set(Array.from({ length: 100 }, (_, seed) => order(seed)))
    expect(orders.size).toBe(6)
    expect(order(7)).toBe(order(7))
  })

  it('moves the time when nobody is left at this moment', () => {
    const clock = new PickingClock(() => 0.5)
    const fired: number[] = []
    clock.naming('late', () => clock.setTimeout(() => fired.push(clock.now()), 5))
    clock.naming('soon', () => clock.setTimeout(() => fired.push(clock.now()), 2))
    void clock.gate('now')
    expect(drain(clock)).toEqual(['now at 0', 'time at 2', 'soon at 2', 'time at 5', 'late at 5'])
    expect(fired).toEqual([2, 5])
    expect(clock.timers).toBe(0)
  })

  it('moves the time also while somebody could act, so that timers fire late', () => {
    const rolls = [0.01, 0.9, 0.9]
    const clock = new PickingClock(() => rolls.shift() ?? 0.9)
    void clock.gate('slow')
    clock.naming('timer', () => clock.setTimeout(() => undefined, 3))
    expect(drain(clock)).toEqual(['time at 3', 'timer at 3', 'slow at 3'])
  })

  it('counts what is cleared that runs no more', () => {
    const clock = new PickingClock(() => 0.5)
    const timer = clock.setTimeout(() => undefined, 1)
    clock.clearTimeout(undefined)
    clock.clearTimeout(timer)
    expect([clock.timers, clock.clearedInVain]).toEqual([0, 0])
    clock.clearTimeout(timer)
    expect(clock.clearedInVain).toBe(1)
  })
})
