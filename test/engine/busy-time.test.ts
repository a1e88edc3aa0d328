import { describe, expect, it } from 'vitest'
import { BusyTime } from '../../src/engine/process/busy-time.ts'

function watch() {
  const clock = { now: 100 }
  return { clock, busy: new BusyTime(() => clock.now) }
}

describe('the busy time of a request', () => {
  it('counts forwards that wait for each other once', () => {
    const { clock, busy } = watch()
    busy.began()
    busy.began()
    clock.now += 5
    busy.done()
    clock.now += 7
    busy.done()
    expect(busy.take()).toBe(12_000)
  })

  it('leaves out the time in which nothing was to be done, and what was taken before', () => {
    const { clock, busy } = watch()
    clock.now += 1_000
    busy.began()
    clock.now += 2
    busy.done()
    expect(busy.take()).toBe(2_000)
    expect(busy.take()).toBe(0)
  })

  it('counts from one answer to the next for a worker that goes on by itself, but not its wait for others', () => {
    const { clock, busy } = watch()
    clock.now += 3
    busy.done()
    clock.now += 500
    busy.skip()
    clock.now += 4
    busy.done()
    expect(busy.take()).toBe(7_000)
  })

  it('fits into a frame, however long it is', () => {
    const { clock, busy } = watch()
    clock.now += 1e9
    busy.done()
    expect(busy.take()).toBe(0x7fffffff)
  })
})
