import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KvCache } from '../../src/engine/kv-cache.ts'
import { spansOf } from '../../src/engine/slot-spans.ts'
import { SlotTable } from '../../src/engine/slot-table.ts'

describe('the slot table', () => {
  it('gives the lowest free slot, and a released one again as empty', () => {
    const table = new SlotTable(3, 8)
    expect([table.acquire(), table.acquire(), table.acquire()]).toEqual([0, 1, 2])
    expect(() => table.acquire()).toThrow(expect.objectContaining({ code: 'EXO_ENGINE_BUSY' }))
    table.advance(1, 5)
    table.release(1)
    expect(table.acquire()).toBe(1)
    expect(table.length(1)).toBe(0)
  })

  it('refuses positions that leave a gap, negative ones and no rows', () => {
    const table = new SlotTable(1, 8)
    table.acquire()
    table.advance(0, 3)
    for (const [position, rows] of [
      [4, 1],
      [-1, 1],
      [1.5, 1],
      [3, 0],
    ] as const)
      expect(() => table.check(0, position, rows)).toThrow(
        expect.objectContaining({ code: 'EXO_ENGINE_FAILED' }),
      )
    expect(() => table.check(0, 3, 6)).toThrow(expect.objectContaining({ code: 'EXO_PROMPT_TOO_LONG' }))
    table.check(0, 3, 5)
  })
})

describe('the spans of a batch', () => {
  it('close small gaps where they may, and split at others', () => {
    const anywhere = () => true
    expect(spansOf([4, 2, 3], anywhere)).toEqual([{ first: 2, members: [1, 2, 0] }])
    expect(spansOf([0, 2], anywhere)).toEqual([{ first: 0, members: [0, -1, 1] }])
    expect(spansOf([0, 2], () => false)).toHaveLength(2)
    expect(spansOf([0, 4], anywhere)).toHaveLength(1)
    expect(spansOf([0, 5], anywhere)).toHaveLength(2)
  })

  it('hold every sequence exactly once, in its own slot, for any batch', () => {
    const batch = fc.uniqueArray(fc.nat(40), { minLength: 1, maxLength: 16 })
    fc.assert(
      fc.property(batch, fc.nat(7), (slots, closed) => {
        const spans = spansOf(slots, slot => slot % 8 !== closed)
        const placed = spans.flatMap(({ first, members }) =>
          members.map((member, row) => ({ member, slot: first + row })),
        )
        const own = placed.filter(({ member }) => member >= 0)
        expect(own.map(({ member }) => member).sort((a, b) => a - b)).toEqual(slots.map((_, index) => index))
        for (const { member, slot } of own) expect(slots[member]).toBe(slot)
        for (const { member, slot } of placed) if (member < 0) expect(slot % 8).not.toBe(closed)
        expect(new Set(placed.map(({ slot }) => slot)).size).toBe(placed.length)
      }),
    )
  })

  it('refuse a slot that is there twice', () => {
    expect(() => spansOf([1, 1], () => true)).toThrow(RangeError)
  })
})

describe('the KV cache', () => {
  it('says how much memory it would take when it is too large', () => {
    const shape = { layers: 4, slots: 1_024, kvHeads: 64, context: 1_048_576, headDim: 128 }
    expect(() => new KvCache(shape)).toThrow(
      expect.objectContaining({ code: 'EXO_ENGINE_FAILED', message: expect.stringContaining('bytes') }),
    )
  })

  it('gives the same tensors for the same range, over one memory', () => {
    const cache = new KvCache({ layers: 2, slots: 4, kvHeads: 1, context: 2, headDim: 2 })
    const [whole] = cache.range(0, 4)
    const [part] = cache.range(2, 2)
    expect(cache.range(2, 2)[0]).toBe(part)
    ;(part!.key.data as Float32Array).fill(7)
    expect([...(whole!.key.data as Float32Array)]).toEqual([...Array(8).fill(0), ...Array(8).fill(7)])
  })
})
