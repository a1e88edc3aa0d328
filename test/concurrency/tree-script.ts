import type { Random } from '../../src/concurrency/random.ts'

/** What a scope or a group of a script is opened with. */
export interface Limits {
  readonly timeout?: number
  readonly shield?: boolean
  /** Whether it has the signal that outlives the whole tree. */
  readonly signal?: boolean
}

/**
 * One step of a task. Whatever acts on others pauses first, for a time of its own and heeding nothing, and so does whoever is cancelled
 * in a sleep. So no two things ever happen at one moment, and what must happen does not hang on who comes first within one.
 */
export type Step = { readonly id: number } & (
  | { readonly do: 'sleep'; readonly ms: number; readonly pause: number }
  | { readonly do: 'pause'; readonly pause: number }
  | { readonly do: 'fail'; readonly pause: number }
  | { readonly do: 'cancel'; readonly pause: number; readonly target: number }
  | { readonly do: 'shield'; readonly pause: number; readonly target: number; readonly up: boolean }
  | { readonly do: 'deadline'; readonly pause: number; readonly target: number; readonly ms: number }
  | { readonly do: 'spawn'; readonly pause: number; readonly target: number; readonly body: Script }
  | { readonly do: 'scope' | 'failAfter'; readonly limits: Limits; readonly body: Script }
  | { readonly do: 'group'; readonly limits: Limits; readonly body: Script }
  | { readonly do: 'swallow'; readonly body: Script }
  | { readonly do: 'finally'; readonly body: Script; readonly after: Script }
)

export type Script = readonly Step[]

/** A whole tree: what its first task does, and when the signal that outlives it is aborted. */
export interface Tree {
  readonly script: Script
  readonly abortAfter: number
}

/** So long that two sums of such times are never the same. */
const LONGEST = 2 ** 40

class Author {
  readonly #random: Random
  #ids = 0

  constructor(random: Random) {
    this.#random = random
  }

  tree(): Tree {
    const script: Script = [
      { id: this.#id(), do: 'group', limits: this.#limits(), body: this.#script(3) },
      ...this.#script(2),
    ]
    return { script, abortAfter: this.#time() * 2 }
  }

  #script(depth: number): Step[] {
    return Array.from({ length: 1 + this.#below(3) }, () => this.#step(depth))
  }

  #step(depth: number): Step {
    const id = this.#id()
    const pause = this.#time() / 8
    const roll = this.#random()
    if (depth > 0 && roll < 0.6) return this.#nested(id, pause, depth - 1)
    if (roll < 0.8) return { id, do: 'sleep', ms: this.#time(), pause }
    if (roll < 0.85) return { id, do: 'fail', pause }
    if (roll < 0.9) return { id, do: 'cancel', pause, target: this.#below(64) }
    if (roll < 0.94) return { id, do: 'shield', pause, target: this.#below(64), up: this.#chance(0.5) }
    if (roll < 0.98) {
      const ms = this.#chance(0.2) ? Infinity : this.#time()
      return { id, do: 'deadline', pause, target: this.#below(64), ms }
    }
    return { id, do: 'pause', pause }
  }

  #nested(id: number, pause: number, depth: number): Step {
    const roll = this.#random()
    const body = this.#script(depth)
    if (roll < 0.4) {
      const first: Step = { id: this.#id(), do: 'pause', pause: this.#time() / 8 }
      return { id, do: 'spawn', pause, target: this.#below(64), body: [first, ...body] }
    }
    if (roll < 0.65) return { id, do: 'group', limits: this.#limits(), body }
    if (roll < 0.75) return { id, do: 'scope', limits: this.#limits(), body }
    if (roll < 0.85)
      return { id, do: 'failAfter', limits: { ...this.#limits(), timeout: this.#time() }, body }
    if (roll < 0.95) return { id, do: 'swallow', body }
    return { id, do: 'finally', body, after: this.#script(depth) }
  }

  #limits(): Limits {
    return {
      ...(this.#chance(0.3) && { timeout: this.#time() }),
      ...(this.#chance(0.2) && { shield: true }),
      ...(this.#chance(0.2) && { signal: true }),
    }
  }

  #id(): number {
    this.#ids += 1
    return this.#ids
  }

  #time(): number {
    // A multiple of 8, since parts of it are times too, and a clock that adds fractions rounds.
    return 8 * (1 + Math.floor((this.#random() + this.#random() / LONGEST) * (LONGEST / 8)))
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }
}

/** A random tree of tasks, scopes, cancellations, deadlines and shields. */
export const randomTree = (random: Random): Tree => new Author(random).tree()
