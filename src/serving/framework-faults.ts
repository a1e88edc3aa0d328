import type { Socket } from 'node:net'
import { faultForError } from './error-answers.ts'
import { type Fault, fault, faultBody } from './fault.ts'

interface FrameworkError extends Error {
  readonly code: string
  readonly statusCode: number
}

function isFrameworkError(error: unknown): error is FrameworkError {
  return (
    error instanceof Error &&
    'statusCode' in error &&
    typeof error.statusCode === 'number' &&
    error.statusCode >= 400 &&
    error.statusCode < 500
  )
}

/** The answer to anything that a handler, or Fastify before it, has thrown. */
export function faultForThrown(error: unknown, bodyBytes: number): Fault {
  if (!isFrameworkError(error)) return faultForError(error)
  switch (error.statusCode) {
    case 413:
      return fault(
        413,
        'body_too_large',
        `the request body is too large; expected at most ${bodyBytes} bytes`,
      )
    case 415:
      return fault(415, 'unsupported_media_type', 'expected the header content-type: application/json')
  }
  if (error.code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return fault(400, 'EXO_REQUEST_INVALID', 'the request has no body; expected a JSON object')
  }
  if (error.code === 'FST_ERR_CTP_INVALID_JSON_BODY' || error instanceof SyntaxError) {
    return fault(400, 'invalid_json', `the request body is not JSON: ${error.message}`)
  }
  return fault(error.statusCode, 'EXO_REQUEST_INVALID', error.message)
}

const socketFaults: Readonly<Record<string, Fault>> = {
  ERR_HTTP_REQUEST_TIMEOUT: fault(408, 'request_timeout', 'the request took too long to arrive'),
  HPE_HEADER_OVERFLOW: fault(431, 'headers_too_large', 'the header of the request is too large'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: fault(
    413,
    'body_too_large',
    'the chunk extensions of the body are too large',
  ),
}
const notHttp = fault(400, 'bad_request', 'this is not an HTTP request')

/** Answers what never became a request, such as a header that does not end, and closes the connection. */
export function refuseSocket(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const it = socketFaults[error.code ?? ''] ?? notHttp
  const body = JSON.stringify(faultBody(it))
  const head = [
    `HTTP/1.1 ${it.status} ${it.code}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}
