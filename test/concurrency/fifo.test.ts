import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fifo, type FifoEntry } from '../../src/concurrency/fifo.ts'

const valuesOf = (fifo: Fifo<number>): number[] => [...fifo].map(({ value }) => value)

describe('Fifo', () => {
  it('gives the oldest first, and nothing when it is empty', () => {
    const fifo = new Fifo<number>()
    for (const value of [1, 2, 3]) fifo.push(value)
    expect([fifo.shift()?.value, fifo.shift()?.value, fifo.shift()?.value]).toEqual([1, 2, 3])
    expect(fifo.shift()).toBeUndefined()
    expect(fifo.size).toBe(0)
  })

  it('lets each leave once, from wherever it is', () => {
    const fifo = new Fifo<number>()
    const [first, middle, last] = [1, 2, 3].map(value => fifo.push(value)) as [
      FifoEntry<number>,
      FifoEntry<number>,
      FifoEntry<number>,
    ]
    expect(fifo.remove(middle)).toBe(true)
    expect(fifo.remove(middle)).toBe(false)
    expect(valuesOf(fifo)).toEqual([1, 3])
    expect(fifo.remove(last)).toBe(true)
    fifo.push(4)
    expect(valuesOf(fifo)).toEqual([1, 4])
    expect(fifo.shift()).toBe(first)
    expect(fifo.remove(first)).toBe(false)
    expect(fifo.size).toBe(1)
  })

  it('can be walked while the one at hand is taken out', () => {
    const fifo = new Fifo<number>()
    for (const value of [1, 2, 3, 4]) fifo.push(value)
    for (const entry of fifo) if (entry.value % 2 === 0) fifo.remove(entry)
    expect(valuesOf(fifo)).toEqual([1, 3])
  })

  it('does what an array does, whatever is pushed, shifted and removed', () => {
    const step = fc.oneof(fc.constant('push'), fc.constant('shift'), fc.nat(20))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const fifo = new Fifo<number>()
        const model: number[] = []
        const entries: FifoEntry<number>[] = []
        for (const it of steps) {
          if (it === 'push') {
            model.push(entries.length)
            entries.push(fifo.push(entries.length))
          } else if (it === 'shift') {
            expect(fifo.shift()?.value).toBe(model.shift())
          } else {
            const entry = entries[Number(it)]
            if (!entry) continue
            expect(fifo.remove(entry)).toBe(model.includes(entry.value))
            if (model.includes(entry.value)) model.splice(model.indexOf(entry.value), 1)
          }
          expect(valuesOf(fifo)).toEqual(model)
          expect(fifo.size).toBe(model.length)
        }
      }),
      { numRuns: 300 },
    )
  })
})
