import { loadModel } from '../models/load.ts'
import { DummyCompute } from './dummy-compute.ts'
import { loadOnnxCompute } from './onnx-compute.ts'
import type { ShardCompute, ShardSpec } from './shard.ts'
import { warmUp } from './warm-up.ts'

/**
 * Loads a shard and warms it up.
 *
 * @param signal stops the loading between two layers
 * @throws EXO_MODEL_NOT_FOUND and what else loading a model throws, EXO_CONFIG_INVALID, EXO_ENGINE_FAILED, EXO_ABORTED
 */
export async function createCompute(spec: ShardSpec, signal?: AbortSignal): Promise<ShardCompute> {
  const model = await loadModel(spec.model)
  if (spec.kind === 'dummy') return new DummyCompute(model, spec)
  const compute = await loadOnnxCompute(model, spec, signal ? { signal } : {})
  await warmUp(compute, spec)
  return compute
}
