import type { Random } from '../../src/concurrency/random.ts'

/** What a scope or a group of a script is opened with. */
export interface Limits {
  readonly timeout?: number
  readonly shield?: boolean
  /** Whether it has the signal that outlives the whole tree. */
  readonly signal?: boolean
}

/** One step of a task. Before each, and whenever a wait of it has ended, the task waits until it is picked. */
export type Step = { readonly id: number } & (
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'checkpoint' | 'fail' | 'ready' }
  | { readonly do: 'run'; readonly heeds: boolean }
  | { readonly do: 'cancel'; readonly target: number }
  | { readonly do: 'look'; readonly target: number }
  | { readonly do: 'result'; readonly target: number }
  | { readonly do: 'shield'; readonly target: number; readonly up: boolean }
  | { readonly do: 'deadline'; readonly target: number; readonly ms: number }
  // Not by the task itself, but as soon as another one has ended, and with no waiting to be picked.
  | { readonly do: 'follow'; readonly target: number; readonly body: Script }
  | { readonly do: 'spawn'; readonly target: number; readonly body: Script }
  | { readonly do: 'start'; readonly target: number; readonly heeds: boolean; readonly body: Script }
  | { readonly do: 'scope' | 'failAfter'; readonly limits: Limits; readonly body: Script }
  | { readonly do: 'group'; readonly limits: Limits; readonly body: Script }
  | { readonly do: 'swallow'; readonly body: Script }
  | { readonly do: 'finally'; readonly body: Script; readonly after: Script }
)

/** The steps of a kind. */
export type Of<Do extends Step['do']> = Step & { readonly do: Do }

export type Script = readonly Step[]

/** A whole tree: what its first task does, and when the signal that outlives it is aborted. */
export interface Tree {
  readonly script: Script
  readonly abortAfter: number
}

/** So few moments that many things happen at the same one. */
const LONGEST = 6

/** More than there ever are of anything in a tree. */
const TARGETS = 64

class Author {
  readonly #random: Random
  #ids = 0

  constructor(random: Random) {
    this.#random = random
  }

  tree(): Tree {
    const group: Step = {
      id: this.#id(),
      do: 'group',
      limits: this.#limits(),
      body: [this.#spawn(2), this.#spawn(2), ...this.#script(3)],
    }
    const script: Script = [group, ...this.#script(2)]
    return { script, abortAfter: this.#chance(0.4) ? this.#time() : Infinity }
  }

  #script(depth: number): Step[] {
    return Array.from({ length: 1 + this.#below(3) }, () => this.#step(depth))
  }

  #spawn(depth: number): Step {
    return { id: this.#id(), do: 'spawn', target: this.#below(TARGETS), body: this.#script(depth) }
  }

  #step(depth: number): Step {
    const id = this.#id()
    if (depth > 0 && this.#chance(0.6)) return this.#nested(id, depth - 1)
    const roll = this.#random()
    const target = this.#below(TARGETS)
    if (roll < 0.46) return { id, do: 'sleep', ms: this.#chance(0.05) ? Infinity : this.#time() }
    if (roll < 0.5) return { id, do: 'checkpoint' }
    if (roll < 0.58) return { id, do: 'run', heeds: this.#chance(0.5) }
    if (roll < 0.62) return { id, do: 'fail' }
    if (roll < 0.7) return { id, do: 'cancel', target }
    if (roll < 0.78) return { id, do: 'shield', target, up: this.#chance(0.5) }
    if (roll < 0.86) return { id, do: 'deadline', target, ms: this.#moved() }
    if (roll < 0.91) return { id, do: 'ready' }
    if (roll < 0.96) return { id, do: 'result', target }
    return { id, do: 'look', target }
  }

  #nested(id: number, depth: number): Step {
    const roll = this.#random()
    const body = this.#script(depth)
    const target = this.#below(TARGETS)
    if (roll < 0.25) return { id, do: 'spawn', target, body }
    if (roll < 0.31) return { id, do: 'follow', target, body }
    if (roll < 0.45) return { id, do: 'start', target, heeds: this.#chance(0.7), body: this.#readied(body) }
    if (roll < 0.65) return { id, do: 'group', limits: this.#limits(), body }
    if (roll < 0.77) return { id, do: 'scope', limits: this.#limits(), body }
    if (roll < 0.85)
      return { id, do: 'failAfter', limits: { ...this.#limits(), timeout: this.#time() }, body }
    if (roll < 0.95) return { id, do: 'swallow', body }
    return { id, do: 'finally', body, after: this.#script(depth) }
  }

  /** Most tasks that are started say at some time that they are ready. */
  #readied(body: Step[]): Step[] {
    if (this.#chance(0.2)) return body
    return body.toSpliced(this.#below(body.length + 1), 0, { id: this.#id(), do: 'ready' })
  }

  #limits(): Limits {
    return {
      ...(this.#chance(0.3) && { timeout: this.#time() }),
      ...(this.#chance(0.2) && { shield: true }),
      ...(this.#chance(0.2) && { signal: true }),
    }
  }

  #moved(): number {
    if (this.#chance(0.2)) return Infinity
    return this.#chance(0.1) ? -1 : this.#time()
  }

  #id(): number {
    this.#ids += 1
    return this.#ids
  }

  #time(): number {
    return this.#below(LONGEST + 1)
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
