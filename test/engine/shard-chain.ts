// Shards of one model, chained in this process.
import { DummyCompute } from '../../src/engine/dummy-compute.ts'
import { type LoadOptions, loadOnnxCompute } from '../../src/engine/onnx-compute.ts'
import { parseSampling, type SamplingParameters, sample } from '../../src/engine/sampler.ts'
import type { ShardCompute, ShardInput, ShardSpec } from '../../src/engine/shard.ts'
import type { Model } from '../../src/models/model.ts'

export const greedy: SamplingParameters = parseSampling({ temperature: 0 })

export const specOf = (model: Model, changes: Partial<ShardSpec> = {}): ShardSpec => ({
  model: model.directory,
  layers: [0, model.config.layers],
  context: model.config.contextLength,
  slots: 4,
  threads: 1,
  prefillChunk: 128,
  kind: 'onnx',
  ...changes,
})

/** Layer ranges of `count` shards, as equal as they can be. */
export function splitLayers(layers: number, count: number): [number, number][] {
  const cut = (index: number) => Math.round((index * layers) / count)
  return Array.from({ length: count }, (_, index) => [cut(index), cut(index + 1)])
}

export class ShardChain {
  readonly #shards: readonly ShardCompute[]

  constructor(shards: readonly ShardCompute[]) {
    this.#shards = shards
  }

  static async load(
    model: Model,
    count: number,
    changes: Partial<ShardSpec> = {},
    options: LoadOptions = {},
  ): Promise<ShardChain> {
    const shards: ShardCompute[] = []
    for (const layers of splitLayers(model.config.layers, count)) {
      const spec = specOf(model, { ...changes, layers })
      shards.push(
        spec.kind === 'dummy' ? new DummyCompute(model, spec) : await loadOnnxCompute(model, spec, options),
      )
    }
    return new ShardChain(shards)
  }

  acquire(): number[] {
    return this.#shards.map(shard => shard.acquire())
  }

  release(slots: readonly number[]): void {
    for (const [index, shard] of this.#shards.entries()) shard.release(slots[index]!)
  }

  /** A copy of the logits after the last id. */
  async forward(slots: readonly number[], position: number, ids: readonly number[]): Promise<Float32Array> {
    let rows: ShardInput = Int32Array.from(ids)
    for (const [index, shard] of this.#shards.entries())
      rows = await shard.forward(slots[index]!, position, rows, ids.length, true)
    return rows.slice() as Float32Array
  }

  /** Greedy ids after a prompt, and the logits that each was chosen from. */
  async generate(prompt: readonly number[], count: number, stopIds: readonly number[] = []) {
    const slots = this.acquire()
    const ids = [...prompt]
    const logits: Float32Array[] = []
    for (let computed = 0; ids.length < prompt.length + count; ) {
      const output = await this.forward(slots, computed, ids.slice(computed))
      computed = ids.length
      const id = sample(output, ids, greedy, computed)
      if (stopIds.includes(id)) break
      ids.push(id)
      logits.push(output)
    }
    this.release(slots)
    return { ids: ids.slice(prompt.length), logits }
  }

  async dispose(): Promise<void> {
    for (const shard of this.#shards) await shard.dispose()
  }
}
