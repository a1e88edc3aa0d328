const gamma = 0x9e37_79b9_7f4a_7c15n

/**
 * A number in [0, 1) that depends on `seed` and `counter` only, so that any process can draw it again at any time.
 * SplitMix64 read as a counter-based generator: its state after n steps is the start plus n times the golden gamma.
 * The seed is mixed first, so that neighbouring seeds do not share a stretch of the same sequence.
 * Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
 *
 * @param seed a whole number
 * @param counter a whole number
 */
export function counterRandom(seed: number, counter: number): number {
  const drawn = mix64(mix64(BigInt(seed)) + BigInt(counter) * gamma)
  return Number(drawn >> 11n) / 2 ** 53
}

/** The output function of SplitMix64 (Stafford's variant 13 of the MurmurHash3 finaliser), after one gamma. */
function mix64(value: bigint): bigint {
  let z = BigInt.asUintN(64, value + gamma)
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n)
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn)
  return z ^ (z >> 31n)
}
