import { errorCatalogue } from './errors-catalogue.ts'

export { errorCatalogue } from './errors-catalogue.ts'

/** A stable code of {@link errorCatalogue}. */
export type ErrorCode = keyof typeof errorCatalogue

/**
 * The codes of faults that stay until somebody changes something: a supervisor does not restart a resource for them. Each comes from what
 * a start is given: its spec, the configuration, or files that nobody but their owner changes.
 *
 * Not among them, though retrying the same call is useless: what depends on a port, a peer or another process (they come and go); what is
 * wrong with one request (the next one may be right); the peers file (it is edited while a node runs); and EXO_INTENSITY_EXCEEDED,
 * whose causes tell.
 */
export const incurableCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'EXO_CHILD_SPEC_INVALID',
  'EXO_CONFIG_INVALID',
  'EXO_CONFIG_UNREADABLE',
  'EXO_USAGE',
  'EXO_PUBLIC_BIND_REFUSED',
  'EXO_MODEL_NOT_FOUND',
  'EXO_MODEL_INVALID',
  'EXO_SAFETENSORS_INVALID',
  'EXO_ARCHITECTURE_UNKNOWN',
  'EXO_TOKENIZER_INVALID',
])

/** What a thrown error carries beside its code and message. */
interface ErrorOptionsWithDetails {
  readonly cause?: unknown
  /** Small serialisable facts: the offending value, where it stood, what was expected. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** The only error class that Exovisor throws on purpose. Tell faults apart by `code`, never by message. */
export class ExovisorError extends Error {
  override readonly name = 'ExovisorError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  /**
   * @param message names the resource or place, the offending value and what was expected
   */
  constructor(code: ErrorCode, message: string, options: ErrorOptionsWithDetails = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = errorCatalogue[code].retryable
    this.details = options.details ?? {}
  }
}

/** True for an {@link ExovisorError}, of the given code if one is given. */
export function isExovisorError(error: unknown, code?: ErrorCode): error is ExovisorError {
  return isA(ExovisorError, error) && (code === undefined || error.code === code)
}

/** `instanceof`, also for an object that throws when it is asked. */
function isA<T>(type: abstract new (...given: never) => T, value: unknown): value is T {
  try {
    return value instanceof type
  } catch {
    return false
  }
}

/** True for an Error; false for an object that throws when it is asked. */
export const isError = (value: unknown): value is Error => isA(Error, value)

/** The cause of an error, if it has one and gives it. */
export function causeOf(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? thrown.cause : undefined
  } catch {
    return undefined
  }
}

/** An error as plain data: for logs, for snapshots and for the way over a wire. */
export interface ErrorRecord {
  readonly code: ErrorCode
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly causes?: readonly string[]
}

/** The message of anything thrown; also of what has no text, or a conversion that throws. */
export function thrownText(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown)
  } catch {
    return `a value without a text: ${tagOf(thrown)}`
  }
}

function tagOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value)
  } catch {
    return typeof value
  }
}

/** Turns anything thrown into data. An error whose code is not of the catalogue gets `fallback` as its code. */
export function toErrorRecord(error: unknown, fallback: ErrorCode = 'EXO_INTERNAL'): ErrorRecord {
  const causes: string[] = []
  for (let cause = causeOf(error); cause !== undefined && causes.length < 8; cause = causeOf(cause))
    causes.push(thrownText(cause))
  const ours = isExovisorError(error) ? error : undefined
  return {
    code: ours?.code ?? cataloguedCode(error) ?? fallback,
    message: thrownText(error),
    ...(ours && Object.keys(ours.details).length > 0 && { details: ours.details }),
    ...(causes.length > 0 && { causes }),
  }
}

/** The code of an error that has one of the catalogue without being an ExovisorError: a group of errors is an AggregateError. */
function cataloguedCode(error: unknown): ErrorCode | undefined {
  if (!isA(AggregateError, error)) return undefined
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : undefined
}

/** The way back from {@link toErrorRecord}: the code survives, an unknown one becomes EXO_INTERNAL. */
export function fromErrorRecord(record: ErrorRecord): ExovisorError {
  const code = Object.hasOwn(errorCatalogue, record.code) ? record.code : 'EXO_INTERNAL'
  return new ExovisorError(code, record.message, {
    ...(record.details && { details: record.details }),
    ...(record.causes?.[0] !== undefined && { cause: new Error(record.causes[0]) }),
  })
}
