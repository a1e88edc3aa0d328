import { type Random, seededRandom } from '../../src/concurrency/random.ts'

/** Draws what a world is made of. The same seed and stream give the same draws. */
export class Dice {
  readonly #random: Random

  constructor(seed: number, stream: string) {
    let mixed = seed >>> 0
    for (const char of stream) mixed = Math.imul(mixed ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0
    this.#random = seededRandom(mixed)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1))
  }

  /** A whole number whose logarithm is spread evenly: short times come as often as long ones. */
  time(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.#random())
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.whole(0, from.length - 1)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }

  /** Picks by weight. Weights of zero are never picked. */
  weighted<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries<number>(weights)
    let rest = this.#random() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [name, weight] of entries) {
      rest -= weight
      if (rest < 0) return name as T
    }
    throw new Error('no weight is above zero')
  }
}
