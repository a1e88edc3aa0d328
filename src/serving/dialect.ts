import type { GenerationDone, GenerationRequest } from '../cluster/generation.ts'
import type { ServedModel } from './backend.ts'

/** A request body after parsing: what to generate, and how to send it. */
export interface AnswerRequest {
  readonly model: string
  readonly generation: Omit<GenerationRequest, 'signal'>
  readonly stream: boolean
  /** Whether a stream ends with the numbers of tokens. */
  readonly includeUsage: boolean
}

/** What all parts of one answer repeat. */
export interface AnswerHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
}

/** The numbers of tokens of one answer, as OpenAI names them. */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

/** Counts the tokens of a finished generation. */
export function usageOf({ promptIds, tokenIds }: GenerationDone): Usage {
  return {
    prompt_tokens: promptIds.length,
    completion_tokens: tokenIds.length,
    total_tokens: promptIds.length + tokenIds.length,
  }
}

/** One of OpenAI's ways to ask for text and to answer: the same generation in other words. */
export interface Dialect {
  readonly path: string
  readonly idPrefix: string
  /** @throws EXO_REQUEST_INVALID */
  parse(body: unknown): AnswerRequest
  /** @throws EXO_TEMPLATE_INVALID when the model cannot be asked in this way */
  admit(model: ServedModel): void
  /** The whole answer in one piece. */
  whole(head: AnswerHead, done: GenerationDone): object
  /** What a stream begins with, before the first text. */
  opening(head: AnswerHead): readonly object[]
  /** A piece of text of a stream. */
  piece(head: AnswerHead, text: string): object
  /** The end of the text of a stream. */
  closing(head: AnswerHead, reason: GenerationDone['finishReason']): object
  /** A chunk that carries nothing but usage. */
  usage(head: AnswerHead, usage: Usage): object
}
