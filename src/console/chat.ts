import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { GenerationEvent, GenerationRequest } from '../cluster/generation.ts'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { answerError, jsonBody, ResponseWriter } from './json-answers.ts'

/** Who answers a chat: the model of the node. */
export interface ChatModel {
  /** Whether it has a chat template; without one it goes on with the text. */
  readonly chat: boolean
  generate(request: GenerationRequest): AsyncIterable<GenerationEvent>
}

const LONGEST_BODY = 1_048_576

const chatRequest = z.strictObject({
  messages: z
    .array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }))
    .min(1)
    .max(512),
  maxTokens: z.int().min(1).exactOptional(),
  sampling: z
    .strictObject({
      temperature: z.number().exactOptional(),
      topK: z.number().exactOptional(),
      topP: z.number().exactOptional(),
      minP: z.number().exactOptional(),
      repetitionPenalty: z.number().exactOptional(),
      seed: z.number().exactOptional(),
    })
    .exactOptional(),
})

/**
 * Answers `POST /chat`: JSON lines, one for each event of the generation, the placements and fail-overs between the tokens too. A failure
 * is the last line, `{ "type": "error", "error": { "code", "message" } }`. The generation is stopped when the reader leaves.
 */
export async function answerChat(
  request: IncomingMessage,
  response: ServerResponse,
  model: ChatModel,
): Promise<void> {
  const work = new AbortController()
  response.once('close', () => work.abort(new ExovisorError('EXO_ABORTED', 'the reader has left')))
  let asked: GenerationRequest
  try {
    asked = { ...parsed(await jsonBody(request, LONGEST_BODY), model), signal: work.signal }
  } catch (error) {
    answerError(response, 400, error)
    return
  }
  const writer = new ResponseWriter(response)
  response.writeHead(200, {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  try {
    for await (const event of model.generate(asked)) {
      await writer.write(`${JSON.stringify(event)}\n`)
      if (writer.isGone) break
    }
  } catch (error) {
    const { code, message } = toErrorRecord(error)
    await writer.write(`${JSON.stringify({ type: 'error', error: { code, message } })}\n`)
  }
  response.end()
}

function parsed(body: unknown, { chat }: ChatModel): GenerationRequest {
  const { success, data, error } = chatRequest.safeParse(body)
  if (!success) {
    const [issue] = error.issues
    throw new ExovisorError(
      'EXO_REQUEST_INVALID',
      `${issue?.path.join('.') || 'the body'}: ${issue?.message}`,
    )
  }
  const { messages, maxTokens, sampling } = data
  return {
    prompt: chat ? { messages } : messages.map(({ content }) => content).join('\n'),
    ...(maxTokens !== undefined && { maxTokens }),
    ...(sampling && { sampling }),
  }
}
