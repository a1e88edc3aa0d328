import { inspect, styleText } from 'node:util'
import { type ErrorCode, errorCatalogue, isExovisorError, toErrorRecord } from '../errors.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { printable } from './printable.ts'

/** How an error is shown. */
export interface ReportOptions {
  /** One JSON document instead of text for people. Default: false. */
  readonly json?: boolean
  /** Adds the stack. Default: false. */
  readonly debug?: boolean
}

/** Where the report goes: `process.stderr` fits. */
interface ReportStream {
  write(text: string): unknown
  readonly isTTY?: boolean
}

const exitCodeOfError: Partial<Readonly<Record<ErrorCode, ExitCode>>> = {
  EXO_ABORTED: exitCodes.interrupted,
  EXO_CONFIG_INVALID: exitCodes.usage,
  EXO_CONFIG_UNREADABLE: exitCodes.usage,
  EXO_PEERS_FILE_INVALID: exitCodes.usage,
  EXO_PUBLIC_BIND_REFUSED: exitCodes.usage,
  EXO_SAMPLING_INVALID: exitCodes.usage,
  EXO_USAGE: exitCodes.usage,
}

/** The exit code of a command that ended with an error. */
export function exitCodeOf(error: unknown): ExitCode {
  return isExovisorError(error) ? (exitCodeOfError[error.code] ?? exitCodes.failed) : exitCodes.failed
}

/**
 * Shows an error on standard error and says what the process should exit with.
 *
 * For people: the message, the causes, and what to do about it. With `json` one line:
 * `{ "error": { code, message, meaning, remedy, retryable, details?, causes?, stack? } }`.
 */
export function reportError(
  error: unknown,
  options: ReportOptions = {},
  stream: ReportStream = process.stderr,
): ExitCode {
  const text =
    options.json === true ? errorAsJson(error, options) : errorAsText(error, options, stream.isTTY === true)
  stream.write(`${text}\n`)
  return exitCodeOf(error)
}

function errorAsJson(error: unknown, { debug }: ReportOptions): string {
  const record = toErrorRecord(error)
  const { meaning, remedy, retryable } = errorCatalogue[record.code]
  const stack = debug === true && error instanceof Error && { stack: error.stack }
  return JSON.stringify({ error: { ...record, meaning, remedy, retryable, ...stack } })
}

function errorAsText(error: unknown, { debug }: ReportOptions, colour: boolean): string {
  const { code, message, causes = [] } = toErrorRecord(error)
  const style = (format: 'red' | 'dim', text: string): string =>
    colour ? styleText(format, text, { stream: process.stderr }) : text
  const lines = [
    `${style('red', 'error:')} ${printable(message)} ${style('dim', `(${code})`)}`,
    // A message that quotes its cause needs no second line for it.
    ...causes.filter(cause => !message.includes(cause)).map(cause => `  because: ${printable(cause)}`),
    `  to do: ${errorCatalogue[code].remedy}`,
    ...(debug === true ? [style('dim', printable(inspect(error)))] : []),
  ]
  return lines.join('\n')
}
