/** How the rotary positions are stretched beyond the context that the model was trained with. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      /** The scheme of Llama 3.1: high frequencies stay, low ones are divided by `factor`, smooth in between. */
      readonly type: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      /** Tokens of context before the stretching. */
      readonly originalContextLength: number
    }

/** The shape of a model, checked: every number is within sane limits, and whole but for `rmsNormEps` and `ropeTheta`. */
export interface ModelConfig {
  readonly architecture: 'llama'
  readonly hiddenSize: number
  readonly layers: number
  /** Query heads; a multiple of `kvHeads`. */
  readonly heads: number
  /** Key and value heads. */
  readonly kvHeads: number
  readonly headDim: number
  readonly intermediateSize: number
  readonly vocabSize: number
  /** The longest sequence in tokens. */
  readonly contextLength: number
  readonly rmsNormEps: number
  readonly ropeTheta: number
  readonly ropeScaling: RopeScaling | undefined
  /** True if the input embedding is the output projection as well. */
  readonly tiedEmbeddings: boolean
}

/** The element types of weights that are read. */
export type WeightType = 'F32' | 'F16' | 'BF16'

/** Where the bytes of one tensor lie. */
export interface TensorLocation {
  /** Absolute path of the safetensors file. */
  readonly file: string
  readonly dtype: WeightType
  readonly shape: readonly number[]
  /** Byte offset from the start of the file. */
  readonly offset: number
  readonly bytes: number
}

/** What the model's authors recommend for generation. A value they leave out is not there. */
export interface GenerationDefaults {
  /** The tokens that end an answer; never part of it. Empty if the model names none. */
  readonly eosTokenIds: readonly number[]
  readonly bosTokenId?: number
  /** 0 (greedy) exactly if generation_config.json says `do_sample: false`. */
  readonly temperature?: number
  /** 0 is off. */
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
}

/** A model directory, read and checked; the weights stay on disk. */
export interface Model {
  /** `builtin`, or the name of the directory. */
  readonly name: string
  /** Absolute path. */
  readonly directory: string
  readonly config: ModelConfig
  readonly generation: GenerationDefaults
  /**
   * Every tensor that the model needs, by its Hugging Face name, with the expected shape. `model.embed_tokens.weight`
   * and `lm_head.weight` are both there: with tied embeddings they are the same place.
   */
  readonly tensors: ReadonlyMap<string, TensorLocation>
  /** Hex SHA-256 over config.json, tokenizer.json, and header, size and a few blocks of each weight file. */
  readonly fingerprint: string
}
