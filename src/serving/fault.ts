import type { FastifyReply } from 'fastify'

/** A refusal or failure as the API answers it. */
export interface Fault {
  readonly status: number
  /** A name of OpenAI's where it has one, else a code of the error catalogue. */
  readonly code: string
  readonly message: string
  /** The field of the request that is to blame. */
  readonly param: string | null
  readonly headers: Readonly<Record<string, string>>
}

/** Makes a {@link Fault}. */
export function fault(
  status: number,
  code: string,
  message: string,
  extra: { readonly param?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Fault {
  return { status, code, message, param: extra.param ?? null, headers: extra.headers ?? {} }
}

function faultType(status: number): string {
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** The body of an answer that reports a fault, in OpenAI's shape. */
export function faultBody({ status, code, message, param }: Fault): { error: Record<string, string | null> } {
  return { error: { message, type: faultType(status), param, code } }
}

/** Answers a request with a fault. */
export function sendFault(reply: FastifyReply, it: Fault): FastifyReply {
  return reply.code(it.status).headers(it.headers).type('application/json').send(faultBody(it))
}
