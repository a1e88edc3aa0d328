import type { IncomingMessage, ServerResponse } from 'node:http'
import { ExovisorError, toErrorRecord } from '../errors.ts'

/** Answers with an error as JSON. */
export function answerError(response: ServerResponse, status: number, error: unknown): void {
  const { code, message } = toErrorRecord(error)
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    .end(`${JSON.stringify({ error: { code, message } })}\n`)
}

/**
 * Reads the body of a request as JSON.
 * @throws EXO_REQUEST_INVALID when it is longer than `limit` bytes, or no JSON
 */
export async function jsonBody(request: IncomingMessage, limit: number): Promise<unknown> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request) {
    length += (part as Buffer).length
    if (length > limit)
      throw new ExovisorError('EXO_REQUEST_INVALID', `the body has more than ${limit} bytes`)
    parts.push(part as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'))
  } catch (cause) {
    throw new ExovisorError('EXO_REQUEST_INVALID', 'the body is no JSON', { cause })
  }
}

/** Writes to a response no faster than its reader takes it. Nothing is thrown when the reader leaves: see {@link ResponseWriter.isGone}. */
export class ResponseWriter {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get isGone(): boolean {
    return this.#response.destroyed || this.#response.closed
  }

  /** Resolves when there is room for more. */
  async write(text: string): Promise<void> {
    if (this.isGone || this.#response.write(text)) return
    await new Promise<void>(resolve => {
      const done = (): void => {
        this.#response.off('drain', done).off('close', done)
        resolve()
      }
      this.#response.once('drain', done).once('close', done)
    })
  }
}
