import type { GenerationDone, GenerationEvent } from '../cluster/generation.ts'
import { ExovisorError } from '../errors.ts'
import { type AnswerHead, type Dialect, usageOf } from './dialect.ts'
import type { EventStream } from './event-stream.ts'

/** The fault of a backend that broke the contract of generate. */
export const endedWithoutDone = () =>
  new ExovisorError('EXO_INTERNAL', 'a generation ended without its done event; expected one as the last')

interface StreamedAnswer {
  readonly dialect: Dialect
  readonly head: AnswerHead
  readonly includeUsage: boolean
}

/**
 * Writes a generation as a stream of chunks, `[DONE]` at the end. The header waits for the first text, so that a
 * prompt that is refused gets a status of its own.
 */
export async function streamAnswer(
  { dialect, head, includeUsage }: StreamedAnswer,
  events: AsyncIterable<GenerationEvent>,
  stream: EventStream,
): Promise<void> {
  let begun = false
  let sent = 0
  const send = (chunk: object) =>
    stream.send(JSON.stringify(includeUsage ? { usage: null, ...chunk } : chunk))

  async function begin(): Promise<void> {
    if (begun) return
    begun = true
    for (const chunk of dialect.opening(head)) await send(chunk)
  }

  async function sendText(text: string): Promise<void> {
    await begin()
    if (text === '') return
    sent += text.length
    await send(dialect.piece(head, text))
  }

  async function finish(done: GenerationDone): Promise<void> {
    // Text may have been held back as the possible beginning of a stop text that did not come.
    await sendText(done.text.slice(sent))
    await send(dialect.closing(head, done.finishReason))
    if (includeUsage) await send(dialect.usage(head, usageOf(done)))
    stream.end('[DONE]')
  }

  for await (const event of events) {
    if (event.type === 'token') await sendText(event.text)
    if (event.type === 'done') return await finish(event)
  }
  throw endedWithoutDone()
}
