import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AsyncCallback } from '../../src/concurrency/callback.ts'
import { type Random, seededRandom } from '../../src/concurrency/random.ts'
import { settled } from './outcome.ts'

/** Sync as often as not; else it takes a few turns. */
async function dawdle(random: Random): Promise<void> {
  for (let left = Math.floor(random() * 5); left > 0; left -= 1) await Promise.resolve()
}

async function play(seed: number, values: number): Promise<void> {
  const random = seededRandom(seed)
  const faults: unknown[] = []
  const callback = new AsyncCallback<number>({ onError: error => faults.push(error) })
  const heard: {
    readonly since: number
    readonly until: number
    readonly values: number[]
    readonly stop: () => void
  }[] = []
  const waits: Promise<number>[] = []
  const wanted: number[] = []
  for (let value = 0; value < values; value += 1) {
    if (random() < 0.3) {
      const own: number[] = []
      const isDirect = random() < 0.5
      const handler = (it: number): unknown => {
        own.push(it)
        return random() < 0.5 ? dawdle(random) : undefined
      }
      const stop = isDirect ? callback.onNext(handler) : callback.onNextAsync(handler, { capacity: 50 })
      // Who has a queue stays: what is in it when it is unsubscribed is dropped, and nobody else knows how much that is.
      const leaves = isDirect && random() < 0.3 ? value + Math.floor(random() * 5) : values
      heard.push({ since: value, until: Math.min(values, leaves), values: own, stop })
    }
    if (random() < 0.3) {
      const target = value + Math.floor(random() * (values - value))
      wanted.push(target)
      const isAsync = random() < 0.5
      waits.push(
        callback.wait(it => (isAsync ? dawdle(random).then(() => it >= target) : it >= target), {
          onlyNew: true,
        }),
      )
    }
    for (const { until, stop } of heard) if (until === value) stop()
    const setting = callback.set(value)
    if (random() < 0.3) await setting
    else await dawdle(random)
  }
  expect(await Promise.all(waits)).toEqual(wanted)
  for (let turn = 0; turn < 3; turn += 1) await settled()
  for (const { since, until, values: own } of heard)
    expect(own).toEqual(Array.from({ length: Math.max(0, until - since) }, (_, index) => since + index))
  expect(faults).toEqual([])
}

describe('a callback, whoever comes and goes and however slow,', () => {
  it('tells every handler and every wait each value once and in order', async () => {
    const seeds = fc.integer({ min: 1, max: 2 ** 31 })
    await fc.assert(fc.asyncProperty(seeds, fc.integer({ min: 1, max: 40 }), play), { numRuns: 300 })
  })
})
