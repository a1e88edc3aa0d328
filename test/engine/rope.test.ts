import { describe, expect, it } from 'vitest'
import { ropeTables } from '../../src/engine/rope.ts'

/** The angle per position of each pair of dimensions. */
function angles(config: Parameters<typeof ropeTables>[0]): number[] {
  const { cos, sin } = ropeTables(config, 2)
  const pairs = config.headDim / 2
  return Array.from({ length: pairs }, (_, pair) => Math.atan2(sin[pairs + pair]!, cos[pairs + pair]!))
}

const base = { headDim: 8, ropeTheta: 10_000, ropeScaling: undefined }

function expectAngles(config: Parameters<typeof ropeTables>[0], expected: readonly number[]): void {
  for (const [pair, angle] of angles(config).entries()) expect(angle).toBeCloseTo(expected[pair]!, 6)
}

describe('the rotary tables', () => {
  it('begin with no rotation and have one row for each position', () => {
    const { cos, sin } = ropeTables(base, 5)
    expect([cos.length, sin.length]).toEqual([20, 20])
    expect([...cos.subarray(0, 4), ...sin.subarray(0, 4)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0])
  })

  it('turn each pair ten times slower than the one before, for 4 pairs and a base of 10000', () => {
    expectAngles(base, [1, 0.1, 0.01, 0.001])
  })

  it('are stretched evenly by linear scaling', () => {
    expectAngles({ ...base, ropeScaling: { type: 'linear', factor: 4 } }, [0.25, 0.025, 0.0025, 0.00025])
  })

  it('keep fast pairs, stretch slow ones and blend between them by llama3 scaling', () => {
    // Turns within the old context of 1000: 159, 15.9, 1.59 and 0.159. The blend of the third is (1.59155 - 1) / 3.
    const blend = (1000 * 0.01) / (2 * Math.PI) / 3 - 1 / 3
    const third = 0.01 * ((1 - blend) / 8 + blend)
    const ropeScaling = {
      type: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContextLength: 1_000,
    } as const
    expectAngles({ ...base, ropeScaling }, [1, 0.1, third, 0.001 / 8])
  })
})
