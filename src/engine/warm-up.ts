import type { ShardCompute, ShardInput, ShardSpec } from './shard.ts'

/** Larger batches than this are rare enough to be met cold. */
const WARM_BATCHES = 16

/**
 * Runs each shape of step once, with and without a past: every size of batch and the chunk of a prompt. After that the
 * first request is not slower than the others. All slots are free again afterwards.
 *
 * @returns milliseconds of a step with one token of one sequence, the best of three
 */
export async function warmUp(
  compute: ShardCompute,
  { prefillChunk, slots, context }: Pick<ShardSpec, 'prefillChunk' | 'slots' | 'context'>,
): Promise<number> {
  const zeros = (rows: number): ShardInput =>
    compute.first ? new Int32Array(rows) : new Float32Array(rows * compute.hiddenSize)
  const taken: number[] = []
  for (let batch = 1; batch <= Math.min(slots, WARM_BATCHES); batch++) {
    taken.push(compute.acquire())
    for (const position of context > 1 ? [0, 1] : [0]) {
      const positions = taken.map(() => position)
      await compute.decodeBatch(taken, positions, zeros(batch))
    }
  }
  const chunk = Math.min(prefillChunk, context)
  await compute.forward(taken[0] ?? 0, 0, zeros(chunk), chunk, true)
  const stepMs = await timedStep(compute, taken[0] ?? 0, zeros(1))
  for (const slot of taken) compute.release(slot)
  return stepMs
}

/** The best of a few: what else the machine does is no property of the shard. */
async function timedStep(compute: ShardCompute, slot: number, input: ShardInput): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let time = 0; time < 3; time += 1) {
    const begun = performance.now()
    await compute.decodeBatch([slot], [0], input)
    best = Math.min(best, performance.now() - begun)
  }
  return best
}
