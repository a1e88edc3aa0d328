import { type ErrorCode, ExovisorError, errorCatalogue, isExovisorError } from '../errors.ts'
import { type Fault, fault } from './fault.ts'

interface Answer {
  readonly status: number
  /** OpenAI's name for the fault, where it has one: its clients know these. */
  readonly code?: string
  /** Seconds after which it is worth trying again. */
  readonly retryAfter?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** How the API answers each error that a caller can meet. What does not stand here is a fault of ours: 500. */
const answers: Readonly<Partial<Record<ErrorCode, Answer>>> = {
  EXO_REQUEST_INVALID: { status: 400 },
  EXO_SAMPLING_INVALID: { status: 400 },
  EXO_TEMPLATE_INVALID: { status: 400 },
  EXO_PROMPT_TOO_LONG: { status: 400, code: 'context_length_exceeded' },
  EXO_UNAUTHORIZED: { status: 401, code: 'invalid_api_key', headers: { 'www-authenticate': 'Bearer' } },
  EXO_NOT_FOUND: { status: 404, code: 'not_found' },
  EXO_MODEL_NOT_FOUND: { status: 404, code: 'model_not_found' },
  EXO_ENGINE_BUSY: { status: 429, retryAfter: 1 },
  EXO_MAILBOX_FULL: { status: 429, retryAfter: 1 },
  EXO_NO_PLACEMENT: { status: 503, retryAfter: 2 },
  EXO_READY_TIMEOUT: { status: 503, retryAfter: 2 },
  EXO_RESOURCE_CLOSED: { status: 503, retryAfter: 2 },
  EXO_RESOURCE_FAILED: { status: 503, retryAfter: 2 },
  EXO_INTENSITY_EXCEEDED: { status: 503, retryAfter: 10 },
  EXO_ENGINE_DIED: { status: 503, retryAfter: 2 },
  EXO_ENGINE_FAILED: { status: 503, retryAfter: 2 },
  EXO_STREAM_CLOSED: { status: 503, retryAfter: 2 },
  EXO_EPOCH_STALE: { status: 503, retryAfter: 2 },
  EXO_PEER_UNREACHABLE: { status: 503, retryAfter: 2 },
  EXO_PEER_REJECTED: { status: 503, retryAfter: 10 },
  EXO_FAILOVER_EXHAUSTED: { status: 503, retryAfter: 2 },
  EXO_PEER_TIMEOUT: { status: 504 },
  EXO_ASK_TIMEOUT: { status: 504 },
  EXO_ABORTED: { status: 503 },
}

/**
 * The answer to an error. An error that is not in the table is not shown in full, as its message may
 * tell of files and programs: the caller gets what its code means, and the log gets the rest.
 */
export function faultForError(error: unknown): Fault {
  if (!isExovisorError(error)) return fault(500, 'EXO_INTERNAL', errorCatalogue.EXO_INTERNAL.meaning)
  const answer = answers[error.code]
  if (answer === undefined) return fault(500, error.code, errorCatalogue[error.code].meaning)
  const param = error.details['param']
  return fault(answer.status, answer.code ?? error.code, error.message, {
    ...(typeof param === 'string' && { param }),
    headers: {
      ...answer.headers,
      ...(answer.retryAfter !== undefined && { 'retry-after': String(answer.retryAfter) }),
    },
  })
}

/** The error of a request whose field `param` is wrong; an empty `param` blames the request as a whole. */
export function requestInvalid(param: string, message: string): ExovisorError {
  return new ExovisorError('EXO_REQUEST_INVALID', message, { details: param === '' ? {} : { param } })
}
