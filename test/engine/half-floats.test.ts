import { describe, expect, it } from 'vitest'
import { elementBytes, fromFloat16, widen } from '../../src/engine/half-floats.ts'

describe('half-precision numbers', () => {
  it('of IEEE 754 are read exactly, with their special values', () => {
    const cases: readonly [bits: number, value: number][] = [
      [0x3c00, 1],
      [0xc000, -2],
      [0x3555, 0.333251953125],
      [0x7bff, 65_504],
      [0x0001, 2 ** -24],
      [0x03ff, 1023 * 2 ** -24],
      [0x8000, -0],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
      [0x7e00, Number.NaN],
    ]
    for (const [bits, value] of cases) expect(fromFloat16(bits)).toBe(value)
  })

  it('of the bfloat16 kind are the upper halves of 32-bit floats', () => {
    const target = new Float32Array(3)
    widen(Uint8Array.of(0x80, 0x3f, 0x40, 0xc0, 0x01, 0x00), 'BF16', target)
    expect([...target]).toEqual([1, -3, 2 ** -133])
  })

  it('are widened row by row from little-endian bytes', () => {
    const target = new Float32Array(2)
    widen(Uint8Array.of(0x00, 0x3c, 0x00, 0xc0), 'F16', target)
    expect([...target]).toEqual([1, -2])
    widen(new Uint8Array(Float32Array.of(0.1, -7).buffer), 'F32', target)
    expect([...target]).toEqual([Math.fround(0.1), -7])
    expect([elementBytes('F32'), elementBytes('F16'), elementBytes('BF16')]).toEqual([4, 2, 2])
  })
})
