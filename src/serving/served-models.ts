import { ExovisorError } from '../errors.ts'
import type { GenerationBackend, ServedModel } from './backend.ts'

const listedAtMost = 20

/** @throws EXO_MODEL_NOT_FOUND that lists the models there are */
export function servedModel(backend: GenerationBackend, id: string): ServedModel {
  const models = backend.models()
  const model = models.find(it => it.id === id)
  if (model !== undefined) return model
  const listed = models.slice(0, listedAtMost).map(it => it.id)
  const expected =
    listed.length === 0 ? 'there is none at the moment' : `expected one of: ${listed.join(', ')}`
  throw new ExovisorError(
    'EXO_MODEL_NOT_FOUND',
    `there is no model ${JSON.stringify(id.slice(0, 100))}; ${expected}`,
    { details: { param: 'model' } },
  )
}

/** A model as OpenAI's API shows it, with two facts more that callers ask for. */
export function modelObject({ id, created, chat, contextLength }: ServedModel): object {
  return { id, object: 'model', created, owned_by: 'exovisor', context_length: contextLength, chat }
}
