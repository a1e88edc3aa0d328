import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { type ErrorRecord, errorCatalogue, isExovisorError, toErrorRecord } from '../errors.ts'
import { hideSecretFacts, secretKeys, secretMark } from './secrets.ts'

/** What is logged, least important first; `silent` logs nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** How a logger is made. */
export interface LoggerOptions {
  /** The least important lines that are logged. Default: info. */
  readonly level?: LogLevel
  /** `pretty` for people, `json` for programs: one JSON document a line. Default: json. */
  readonly format?: 'pretty' | 'json'
  /** Where the lines go. Default: stderr, so that results on stdout stay alone. */
  readonly to?: 'stdout' | 'stderr' | DestinationStream
  /** Colours in pretty lines. Default: when the terminal has them and NO_COLOR is not set. */
  readonly colour?: boolean
}

/**
 * Makes the logger of a process. Lines are written at once (a transport would be a worker thread that can lose the last
 * lines of a process), secrets are replaced by `(hidden)`, and an error becomes its code, message, details and causes,
 * with its stack only when it is none of the catalogue or the level is debug.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', format = 'json', to = 'stderr' } = options
  const error = (value: unknown): unknown => describeError(value, { stack: level === 'debug', format })
  return pino(
    {
      level,
      base: format === 'json' ? { pid: process.pid } : {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }), log: facts => hideSecretFacts(facts) },
      // For what is bound to child loggers, which the formatter above does not see. Its wildcards are not used: with four
      // levels of them a line costs 40 µs instead of 3.
      redact: { paths: [...secretKeys], censor: secretMark },
      serializers: {
        err: error,
        error,
        cause: error,
        lastError: error,
        causes: value => causeText(value, format),
      },
    },
    format === 'pretty' ? prettyStream(to, options.colour) : lineStream(to),
  )
}

function lineStream(to: NonNullable<LoggerOptions['to']>): DestinationStream {
  return typeof to === 'string' ? destination({ dest: descriptor(to), sync: true }) : to
}

/** What a person does not need on each line: the message says it, or it is for programs. */
const HIDDEN = 'pid,hostname,name,kind,resource,incarnation,request,event,supervisor,attempt,window,at'

function prettyStream(to: NonNullable<LoggerOptions['to']>, colour: boolean | undefined): DestinationStream {
  const wanted =
    colour ?? (typeof to === 'string' && hasColours(to === 'stdout' ? process.stdout : process.stderr))
  const format = prettyFactory({
    colorize: wanted,
    // `at` and `window` come with each event of supervision; a person has the time in front of the line.
    ignore: HIDDEN,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  const lines = lineStream(to)
  return { write: line => lines.write(format(line)) }
}

function hasColours(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && stream.hasColors()
}

function descriptor(to: 'stdout' | 'stderr'): number {
  return to === 'stdout' ? 1 : 2
}

function describeError(
  value: unknown,
  how: { readonly stack: boolean; readonly format: 'pretty' | 'json' },
): unknown {
  const ours = isExovisorError(value)
  if (value instanceof Error && !ours) return stdSerializers.errWithCause(value)
  const record: unknown = ours ? toErrorRecord(value) : value
  if (!isErrorRecord(record)) return value
  const stack = how.stack && ours && { stack: value.stack }
  if (how.format === 'json' || how.stack) return hideSecretFacts({ ...record, ...stack })
  return [`${record.code}: ${record.message}`, ...(record.causes ?? [])].join(', because: ')
}

/** The causes of an event: for people their messages alone. */
function causeText(value: unknown, format: 'pretty' | 'json'): unknown {
  if (format === 'json' || !Array.isArray(value)) return value
  return value.map((cause: { readonly message?: unknown }) => cause?.message ?? cause).join(', because: ')
}

function isErrorRecord(value: unknown): value is ErrorRecord {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('message' in value)) return false
  return typeof value.code === 'string' && Object.hasOwn(errorCatalogue, value.code)
}
