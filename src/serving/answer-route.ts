import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GenerationDone, GenerationEvent } from '../cluster/generation.ts'
import type { ApiSettings } from './api-options.ts'
import type { AnswerHead, AnswerRequest, Dialect } from './dialect.ts'
import { eventStream } from './event-stream.ts'
import { faultBody } from './fault.ts'
import { interruptible } from './interruptible.ts'
import { explainFailure } from './request-log.ts'
import { servedModel } from './served-models.ts'
import { endedWithoutDone, streamAnswer } from './stream-answer.ts'

interface Exchange {
  readonly api: ApiSettings
  readonly dialect: Dialect
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly head: AnswerHead
  readonly asked: AnswerRequest
}

async function doneOf(events: AsyncIterable<GenerationEvent>): Promise<GenerationDone> {
  for await (const event of events) if (event.type === 'done') return event
  throw endedWithoutDone()
}

async function sendStream(exchange: Exchange, events: AsyncIterable<GenerationEvent>): Promise<void> {
  const { api, dialect, request, reply, head, asked } = exchange
  const { signal } = request.running
  const stream = eventStream(reply.raw, {
    clock: api.clock,
    heartbeatMs: api.limits.heartbeatMs,
    stallMs: api.limits.stallMs,
    signal,
    onOpen: () => {
      reply.hijack()
      return { 'x-request-id': request.id }
    },
  })
  try {
    await streamAnswer({ dialect, head, includeUsage: asked.includeUsage }, events, stream)
  } catch (error) {
    if (!stream.opened) throw error
    stream.end(JSON.stringify(faultBody(explainFailure(api, request, error))))
  } finally {
    stream.release()
  }
}

/** Makes the handler of one dialect: parse, generate, answer in one piece or as a stream. */
export function answerRoute(api: ApiSettings, dialect: Dialect) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<object | undefined> => {
    const asked = dialect.parse(request.body)
    const model = servedModel(api.backend, asked.model)
    dialect.admit(model)
    const { signal } = request.running
    const head = { id: `${dialect.idPrefix}${api.newId()}`, created: api.unixTime(), model: model.id }
    const exchange: Exchange = { api, dialect, request, reply, head, asked }
    const events = interruptible(
      api.backend.generate({
        ...asked.generation,
        model: model.id,
        signal,
        id: request.id,
        trace: request.span.context,
      }),
      signal,
    )
    if (!asked.stream) return dialect.whole(head, await doneOf(events))
    await sendStream(exchange, events)
    return undefined
  }
}
