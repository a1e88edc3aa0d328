import { loadModel } from '../models/load.ts'
import { DummyCompute } from './dummy-compute.ts'
import { loadOnnxCompute } from './onnx-compute.ts'
import type { ShardCompute, ShardDescription, ShardSpec } from './shard.ts'
import { warmUp } from './warm-up.ts'

/** A shard that is ready to serve. */
export interface WarmCompute {
  readonly compute: ShardCompute
  /** See {@link ShardDescription.stepMs}. */
  readonly stepMs?: number
}

/**
 * Loads a shard and warms it up.
 *
 * @param signal stops the loading between two layers
 * @throws EXO_MODEL_NOT_FOUND and what else loading a model throws, EXO_CONFIG_INVALID, EXO_ENGINE_FAILED, EXO_ABORTED
 */
export async function createCompute(spec: ShardSpec, signal?: AbortSignal): Promise<WarmCompute> {
  const model = await loadModel(spec.model)
  if (spec.kind === 'dummy') return { compute: new DummyCompute(model, spec) }
  const compute = await loadOnnxCompute(model, spec, signal ? { signal } : {})
  return { compute, stepMs: await warmUp(compute, spec) }
}
