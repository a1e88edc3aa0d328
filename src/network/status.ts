import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js'
import { type ErrorCode, ExovisorError, errorCatalogue, toErrorRecord } from '../errors.ts'

const CODE_KEY = 'exovisor-code'
const MAX_DETAILS = 2_000

const statusOfCode: Partial<Record<ErrorCode, status>> = {
  EXO_ABORTED: status.CANCELLED,
  EXO_ENGINE_BUSY: status.RESOURCE_EXHAUSTED,
  EXO_EPOCH_STALE: status.FAILED_PRECONDITION,
  EXO_FRAME_INVALID: status.INVALID_ARGUMENT,
  EXO_MODEL_MISMATCH: status.FAILED_PRECONDITION,
  EXO_MODEL_NOT_FOUND: status.NOT_FOUND,
  EXO_PEER_REJECTED: status.UNAUTHENTICATED,
  EXO_REQUEST_INVALID: status.INVALID_ARGUMENT,
  EXO_STREAM_CLOSED: status.UNAVAILABLE,
}

const codeOfStatus: Partial<Record<status, ErrorCode>> = {
  [status.DEADLINE_EXCEEDED]: 'EXO_PEER_TIMEOUT',
  [status.FAILED_PRECONDITION]: 'EXO_PEER_REJECTED',
  [status.INVALID_ARGUMENT]: 'EXO_REQUEST_INVALID',
  [status.NOT_FOUND]: 'EXO_PEER_REJECTED',
  [status.PERMISSION_DENIED]: 'EXO_PEER_REJECTED',
  [status.RESOURCE_EXHAUSTED]: 'EXO_REQUEST_INVALID',
  [status.UNAUTHENTICATED]: 'EXO_PEER_REJECTED',
  [status.UNIMPLEMENTED]: 'EXO_PEER_REJECTED',
}

/** An error as the status that a gRPC server answers with; its code travels in the metadata. */
export function toStatus(error: unknown): Pick<StatusObject, 'code' | 'details' | 'metadata'> {
  const record = toErrorRecord(error)
  const metadata = new Metadata()
  metadata.set(CODE_KEY, record.code)
  return {
    code: statusOfCode[record.code] ?? status.INTERNAL,
    details: record.message.slice(0, MAX_DETAILS),
    metadata,
  }
}

/**
 * What a gRPC client got, as an error of the catalogue: the code that the server named, or one that fits the
 * status when the failure is not the server's.
 *
 * @param subject who was asked, for the message
 */
export function fromServiceError(error: ServiceError, subject: string): ExovisorError {
  const [named] = error.metadata?.get(CODE_KEY) ?? []
  const cause = { cause: error }
  // EXO_ABORTED means that the caller gave up, and this caller did not: the node itself let go of its work.
  if (typeof named === 'string' && isErrorCode(named) && named !== 'EXO_ABORTED')
    return new ExovisorError(named, `${subject}: ${error.details}`, cause)
  return new ExovisorError(
    codeOfStatus[error.code] ?? 'EXO_PEER_UNREACHABLE',
    `${subject}: ${error.message}`,
    cause,
  )
}

function isErrorCode(name: string): name is ErrorCode {
  return Object.hasOwn(errorCatalogue, name)
}
