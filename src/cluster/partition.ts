/** A contiguous range of layers: the first one, and the one after the last. */
export type LayerRange = readonly [first: number, endExclusive: number]

/**
 * Splits `layers` over nodes in proportion to their weights, as contiguous ranges in the given order.
 *
 * Total: the non-empty ranges cover every layer once, whatever the numbers. Each node gets at least one
 * layer while there are enough; with more nodes than layers the lightest nodes get an empty range (the
 * first node always keeps one, for it is the entry). Shares are rounded by the largest-remainder method
 * (Hamilton), ties to the earlier node, so equal weights differ by one layer at most.
 *
 * @param weights one per node, e.g. bytes of memory; anything that is not a positive number counts as 0
 */
export function partitionLayers(layers: number, weights: readonly number[]): readonly LayerRange[] {
  const clean = weights.map(weight => (Number.isFinite(weight) && weight > 0 ? weight : 0))
  const chosen = chooseNodes(layers, clean)
  const counts = shareOut(layers, clean, chosen)
  let next = 0
  return counts.map(count => {
    const first = next
    next += count
    return [first, next] as const
  })
}

/** Indices of the nodes that get layers: all, or the entry and the heaviest of the rest. */
function chooseNodes(layers: number, weights: readonly number[]): ReadonlySet<number> {
  const others = weights.map((weight, index) => ({ weight, index })).slice(1)
  others.sort((a, b) => b.weight - a.weight || a.index - b.index)
  return new Set(layers < 1 ? [] : [0, ...others.slice(0, layers - 1).map(({ index }) => index)])
}

function shareOut(
  layers: number,
  weights: readonly number[],
  chosen: ReadonlySet<number>,
): readonly number[] {
  const spare = layers - chosen.size
  const total = weights.reduce((sum, weight, index) => (chosen.has(index) ? sum + weight : sum), 0)
  const exact = weights.map((weight, index) => {
    if (!chosen.has(index)) return 0
    const share = total > 0 ? weight / total : 1 / chosen.size
    return Math.max(0, share * layers - 1)
  })
  const exactTotal = exact.reduce((sum, share) => sum + share, 0)
  const scaled = exact.map(share => (exactTotal > 0 ? (share / exactTotal) * spare : 0))
  const counts = scaled.map((share, index) => Math.floor(share) + (chosen.has(index) ? 1 : 0))
  let rest = layers - counts.reduce((sum, count) => sum + count, 0)
  const byRemainder = scaled
    .map((share, index) => ({ remainder: share - Math.floor(share), index }))
    .filter(({ index }) => chosen.has(index))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index)
  for (let turn = 0; rest > 0; turn += 1, rest -= 1) {
    const index = byRemainder[turn % byRemainder.length]?.index
    if (index !== undefined) counts[index] = (counts[index] ?? 0) + 1
  }
  return counts
}
