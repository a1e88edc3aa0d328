const digitBits = 11
const digitMask = (1 << digitBits) - 1
const shifts = [21, 10, 0] as const
const counts = new Uint32Array(1 << digitBits)
const masses = new Float64Array(1 << digitBits)

/** Where a best-first ranking was cut: everything above `key` is in, and of those equal to it the first `ties`. */
export interface Cut {
  readonly key: number
  readonly ties: number
}

const minusZero = -0x8000_0000

/**
 * The bits of a float32 as an unsigned number of the same order: a greater float has a greater key, an equal one
 * (-0 and 0 among them) the same. Positive floats get the sign bit set, negative ones are inverted as a whole.
 */
export const orderedKey = (bits: number): number =>
  bits === minusZero ? 0x8000_0000 : (bits ^ ((bits >> 31) | minusZero)) >>> 0

/**
 * Finds the shortest prefix of the ranking (greater score first, then lower index) whose mass reaches `target`.
 * A radix selection over the keys' digits from the top: three passes over the data whatever it holds, and no sort.
 * If the whole mass stays below `target`, everything is in.
 *
 * @param bits the scores' float32 bit patterns
 * @param weights the mass of each score, none negative; one of 0 is not in the ranking; without it each counts 1
 */
export function cutRanking(bits: Int32Array, weights: Float64Array | undefined, target: number): Cut {
  let prefix = 0
  let decided = 0
  let above = 0
  let ties = 0
  for (const shift of shifts) {
    tally(bits, weights, prefix, decided, shift)
    let lowest = 0
    let before = above
    for (let digit = digitMask; digit >= 0; digit--) {
      if (counts[digit] === 0) continue
      lowest = digit
      before = above
      above += masses[digit] ?? 0
      if (above >= target) break
    }
    above = before
    prefix = (prefix | (lowest << shift)) >>> 0
    decided = (0xffff_ffff << shift) >>> 0
    ties = counts[lowest] ?? 0
    if (shift === 0 && ties > 0) {
      const each = (masses[lowest] ?? 0) / ties
      const needed = Math.max(1, Math.ceil((target - above) / each))
      if (needed < ties) ties = needed
    }
  }
  return { key: prefix, ties }
}

/** Counts and weighs, by the digit at `shift`, the keys that equal `prefix` in the bits of `decided`. */
function tally(
  bits: Int32Array,
  weights: Float64Array | undefined,
  prefix: number,
  decided: number,
  shift: number,
): void {
  counts.fill(0)
  masses.fill(0)
  for (let i = 0; i < bits.length; i++) {
    const key = orderedKey(bits[i] ?? 0)
    if (((key ^ prefix) & decided) !== 0 || weights?.[i] === 0) continue
    const digit = (key >>> shift) & digitMask
    counts[digit] = (counts[digit] ?? 0) + 1
    if (weights !== undefined) masses[digit] = (masses[digit] ?? 0) + (weights[i] ?? 0)
  }
  if (weights === undefined) masses.set(counts)
}
