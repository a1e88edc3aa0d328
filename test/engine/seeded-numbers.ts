/** Numbers from 0 up to 1: a linear congruential generator with the constants of Numerical Recipes. */
export function seededNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Whole numbers below a limit, one after the other. */
export function seededIds(seed: number, count: number, limit: number): number[] {
  const random = seededNumbers(seed)
  return Array.from({ length: count }, () => Math.floor(random() * limit))
}
