import type { GenerationEvent, GenerationRequest } from '../cluster/generation.ts'

/** A model that the API offers. */
export interface ServedModel {
  /** The name that callers put into the field `model`. */
  readonly id: string
  /** When the model was made available, in seconds since 1970. */
  readonly created: number
  /** Whether the model has a chat template. */
  readonly chat: boolean
  /** The longest sequence, prompt and answer together, in tokens. */
  readonly contextLength: number
}

/** A generation as the API asks for it: {@link GenerationRequest} and the model it is for. */
export interface ModelRequest extends GenerationRequest {
  /** The id of one of the backend's models. */
  readonly model: string
}

/** Whether the backend can answer now, and if not, why not. */
export interface Readiness {
  readonly ready: boolean
  readonly reasons: readonly string[]
}

/** What stands behind the HTTP API and makes the tokens. */
export interface GenerationBackend {
  models(): readonly ServedModel[]
  /**
   * Generates; without a seed each time something else. Leaving the loop, or aborting `request.signal`, stops the generation.
   * The last event is `done`; a failure is thrown as an ExovisorError.
   */
  generate(request: ModelRequest): AsyncIterable<GenerationEvent>
  readiness(): Readiness
}
