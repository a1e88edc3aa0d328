import type { ModelService } from './cluster/model-service.ts'
import type { Placement } from './cluster/placement.ts'
import type { Model } from './models/model.ts'
import type { GenerationBackend } from './serving/backend.ts'

/** The node's one model, as the HTTP API sees it. */
export function nodeBackend(parts: {
  readonly model: Model
  readonly context: number
  readonly service: ModelService
  readonly placement: Placement
}): GenerationBackend {
  const { model, context, service, placement } = parts
  const created = Math.floor(Date.now() / 1_000)
  return {
    models: () => [{ id: model.name, created, chat: service.chat, contextLength: context }],
    generate: request => service.generate(request),
    readiness: () => {
      const ready = placement.active !== undefined
      return { ready, reasons: ready ? [] : [`the model ${model.name} is not placed`] }
    },
  }
}
