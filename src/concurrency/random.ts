import { randomBytes } from 'node:crypto'

/** A source of chance: each call gives a number in [0, 1). */
export type Random = () => number

const UINT32 = 2 ** 32

const DRAWN_AT_ONCE = 1_024

let drawn = Buffer.alloc(0)
let used = 0

/** Chance of the machine, for production. Drawn in larger pieces, since each draw costs as much as a thousand numbers. */
export const realRandom: Random = () => {
  if (used === drawn.length) {
    drawn = randomBytes(4 * DRAWN_AT_ONCE)
    used = 0
  }
  used += 4
  return drawn.readUInt32LE(used - 4) / UINT32
}

/**
 * A repeatable source: the same seed gives the same numbers on every machine.
 * A Weyl sequence (step: the golden ratio in 32 bits) whose counter is scrambled by the 32-bit finaliser of
 * MurmurHash3 (Austin Appleby, public domain). Good enough for jitter and tests, not for secrets.
 */
export function seededRandom(seed: number): Random {
  let counter = seed >>> 0
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0
    let mixed = counter
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / UINT32
  }
}
