import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Condition } from '../../src/concurrency/condition.ts'
import { Lock, withLock } from '../../src/concurrency/lock.ts'
import { type Random, seededRandom } from '../../src/concurrency/random.ts'
import { Cancellable } from './cancellable.ts'
import { outcome, settled } from './outcome.ts'

/** A store of few places, made of a lock and two conditions that notify one each time: one lost wake-up, and somebody waits for ever. */
class Store {
  readonly lock = new Lock()
  readonly notEmpty = new Condition(this.lock)
  readonly notFull = new Condition(this.lock)
  readonly items: number[] = []
  readonly places: number
  readonly #random: Random
  #inside = 0

  constructor(places: number, random: Random) {
    this.places = places
    this.#random = random
  }

  /** A few turns, as the seed wants it. */
  async dawdle(): Promise<void> {
    for (let left = Math.floor(this.#random() * 4); left > 0; left -= 1) await Promise.resolve()
  }

  put(item: number, source: Cancellable): Promise<void> {
    return this.#alone(
      source,
      this.notFull,
      this.notEmpty,
      () => this.items.length < this.places,
      () => {
        this.items.push(item)
      },
    )
  }

  take(source: Cancellable): Promise<number> {
    return this.#alone(
      source,
      this.notEmpty,
      this.notFull,
      () => this.items.length > 0,
      () => this.items.shift() as number,
    )
  }

  #alone<T>(
    owner: Cancellable,
    wait: Condition,
    wake: Condition,
    canGoOn: () => boolean,
    act: () => T,
  ): Promise<T> {
    const work = async () => {
      await wait.waitUntil(canGoOn, owner, owner)
      this.#inside += 1
      expect(this.#inside).toBe(1)
      await this.dawdle()
      const result = act()
      this.#inside -= 1
      wake.notify(owner)
      return result
    }
    return withLock(this.lock, work, owner)
  }
}

async function play(places: number, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const store = new Store(places, random)
  const works: {
    readonly isPut: boolean
    readonly source: Cancellable
    readonly ended: { readonly said: string }
  }[] = []
  for (let number = 0; number < 24; number += 1) {
    const source = new Cancellable()
    const isPut = random() < 0.5
    works.push({ isPut, source, ended: outcome(isPut ? store.put(number, source) : store.take(source)) })
    if (random() < 0.4) works[Math.floor(random() * works.length)]?.source.cancel()
    await store.dawdle()
  }
  await settled()
  for (const { ended } of works) expect(ended.said).toMatch(/^(waits|done|gave \d+|EXO_ABORTED)$/)
  const puts = works.filter(({ isPut, ended }) => isPut && ended.said === 'done').length
  const taken = works.filter(({ ended }) => ended.said.startsWith('gave')).map(({ ended }) => ended.said)
  expect(new Set(taken).size).toBe(taken.length)
  expect(store.items).toHaveLength(puts - taken.length)
  const waits = works.filter(({ ended }) => ended.said === 'waits')
  // Nobody waits who could go on.
  if (store.items.length > 0) expect(waits.filter(({ isPut }) => !isPut)).toEqual([])
  if (store.items.length < places) expect(waits.filter(({ isPut }) => isPut)).toEqual([])
  expect(store.lock.isLocked).toBe(false)
  expect(store.notEmpty.waiting + store.notFull.waiting).toBe(waits.length)
  for (const { source, ended } of works) expect(source.listeners).toBe(ended.said === 'waits' ? 1 : 0)
}

describe('conditions, in whatever order those who wait and notify run and are cancelled,', () => {
  it('lose no wake-up, keep the lock for one at a time and leave no listener', async () => {
    const seeds = fc.integer({ min: 1, max: 2 ** 31 })
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 3 }), seeds, play), { numRuns: 500 })
  })
})
