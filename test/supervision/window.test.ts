import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RestartWindow } from '../../src/supervision/window.ts'

/** The plain algorithm: keep every accepted time in a list, and count. */
class ListWindow {
  readonly accepted: number[] = []
  readonly limit: number
  readonly within: number

  constructor({ restarts, within }: { restarts: number; within: number }) {
    this.limit = restarts
    this.within = within
  }

  used(now: number): number {
    return this.accepted.filter(time => now - time <= this.within).length
  }

  accept(now: number): boolean {
    if (this.used(now) >= this.limit) return false
    this.accepted.push(now)
    return true
  }
}

describe('the restart window', () => {
  it('decides and counts like the plain list, for any times', () => {
    fc.assert(
      fc.property(
        fc.record({ restarts: fc.nat(6), within: fc.integer({ min: 1, max: 40 }) }),
        fc.array(fc.nat(15), { maxLength: 60 }),
        (intensity, gaps) => {
          const [ring, list] = [new RestartWindow(intensity), new ListWindow(intensity)]
          let now = 0
          for (const gap of gaps) {
            now += gap
            expect(ring.used(now)).toBe(list.used(now))
            expect(ring.allows(now)).toBe(list.used(now) < list.limit)
            expect(ring.accept(now)).toBe(list.accept(now))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('counts a restart that is exactly as old as the window, and not one a millisecond older', () => {
    const window = new RestartWindow({ restarts: 1, within: 100 })
    expect([window.accept(0), window.accept(100), window.accept(101)]).toEqual([true, false, true])
  })

  it('decides like the plain list also at a millisecond around its end, and at fractions of one', () => {
    const edges = fc.constantFrom(-1, -0.001, 0, 0.001, 1)
    fc.assert(
      fc.property(
        fc.record({ restarts: fc.integer({ min: 1, max: 4 }), within: fc.integer({ min: 2, max: 50 }) }),
        fc.array(fc.tuple(fc.boolean(), edges, fc.nat(3)), { maxLength: 40 }),
        (intensity, steps) => {
          const [ring, list] = [new RestartWindow(intensity), new ListWindow(intensity)]
          let now = 1_000
          for (const [far, edge, gap] of steps) {
            // Just before, at or just after the moment when the oldest one that counts leaves the window.
            const oldest = list.accepted.at(-intensity.restarts) ?? now
            now = far ? Math.max(now, oldest + intensity.within + edge) : now + gap / 2
            expect(ring.used(now)).toBe(list.used(now))
            expect(ring.accept(now)).toBe(list.accept(now))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('takes a clock that jumps back for one that stood still', () => {
    fc.assert(
      fc.property(
        fc.record({ restarts: fc.nat(5), within: fc.integer({ min: 1, max: 40 }) }),
        fc.array(fc.record({ gap: fc.nat(15), back: fc.oneof(fc.constant(0), fc.nat(10_000)) }), {
          maxLength: 60,
        }),
        (intensity, steps) => {
          const [ring, list] = [new RestartWindow(intensity), new ListWindow(intensity)]
          let [clock, steady] = [0, 0]
          ring.allows(clock)
          for (const { gap, back } of steps) {
            clock -= back
            expect(ring.used(clock)).toBe(list.used(steady))
            clock += gap
            steady += gap
            expect(ring.accept(clock)).toBe(list.accept(steady))
            expect(ring.used(clock)).toBe(list.used(steady))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('goes on with another intensity and the same restarts', () => {
    fc.assert(
      fc.property(
        fc.record({ restarts: fc.nat(6), within: fc.integer({ min: 1, max: 40 }) }),
        fc.record({ restarts: fc.nat(6), within: fc.integer({ min: 1, max: 40 }) }),
        fc.array(fc.nat(15), { maxLength: 30 }),
        fc.array(fc.nat(15), { maxLength: 30 }),
        (before, after, gaps, later) => {
          let now = 0
          const first = new RestartWindow(before)
          const accepted: number[] = []
          for (const gap of gaps) {
            now += gap
            if (first.accept(now)) accepted.push(now)
          }
          const second = first.resized(after)
          const list = new ListWindow(after)
          // The ring of the first one holds no more than this, and the second one needs no more than its own limit.
          list.accepted.push(
            ...accepted.slice(-before.restarts || accepted.length).slice(-after.restarts || accepted.length),
          )
          for (const gap of later) {
            now += gap
            expect(second.used(now)).toBe(list.used(now))
            expect(second.accept(now)).toBe(list.accept(now))
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('of a child and of its supervisor know nothing of each other', () => {
    const child = new RestartWindow({ restarts: 1, within: 100 })
    const supervisor = new RestartWindow({ restarts: 2, within: 100 })
    expect([child.accept(0), supervisor.accept(0), supervisor.accept(1)]).toEqual([true, true, true])
    expect([child.used(1), supervisor.used(1)]).toEqual([1, 2])
    expect([child.accept(1), supervisor.accept(1)]).toEqual([false, false])
  })

  it('remembers nothing of a refusal', () => {
    const window = new RestartWindow({ restarts: 1, within: 100 })
    window.accept(0)
    for (let now = 1; now <= 100; now += 1) expect(window.accept(now)).toBe(false)
    expect(window.accept(101)).toBe(true)
  })

  it('refuses always when no restart is allowed', () => {
    const window = new RestartWindow({ restarts: 0, within: 100 })
    expect([window.accept(0), window.accept(1e9), window.used(1e9)]).toEqual([false, false, 0])
  })

  it('costs the same with 100,000 remembered restarts as with 10', () => {
    const cost = (restarts: number): number => {
      const window = new RestartWindow({ restarts, within: restarts })
      let now = 0
      for (; now < 2 * restarts; now += 1) window.accept(now)
      const before = process.cpuUsage()
      for (let index = 0; index < 50_000; index += 1) {
        now += 1
        window.accept(now)
      }
      return process.cpuUsage(before).user
    }
    const median = (restarts: number) =>
      Array.from({ length: 5 }, () => cost(restarts)).sort((a, b) => a - b)[2]!
    cost(10)
    expect(median(100_000) / Math.max(median(10), 1_000)).toBeLessThan(5)
  })
})
