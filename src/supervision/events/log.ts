import type { ResourceLog } from '../../resources/log.ts'
import { pathOf } from '../../resources/registry-path.ts'
import type { EventSummary, SupervisionEvent, SupervisionEventType, SupervisionRecord } from './types.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

const levels: Readonly<Record<SupervisionEvent['type'], Level>> = {
  started: 'debug',
  ready: 'info',
  degraded: 'warn',
  recovered: 'info',
  soft_restart: 'warn',
  failed: 'warn',
  resumed: 'warn',
  child_terminated: 'debug',
  start_error: 'warn',
  backoff_scheduled: 'info',
  restarted: 'info',
  gave_up: 'error',
  escalated: 'error',
  circuit_opened: 'error',
  circuit_half_open: 'info',
  circuit_closed: 'info',
  stopped: 'info',
  ignored: 'info',
  suspended: 'info',
  unsuspended: 'info',
  reloaded: 'info',
  auto_shutdown: 'info',
  dead_letter: 'warn',
  shutdown_error: 'error',
  storm_delayed: 'info',
  problem: 'warn',
  problem_over: 'info',
}

/** From the third failure in a row on somebody has to look: Pekko's critical log level. */
const FAILURES_UNTIL_ERROR = 3
const failures: ReadonlySet<string> = new Set<SupervisionEventType>(['failed', 'start_error'])

/** How loud an event is. */
export function levelOf({
  type,
  attempt,
}: {
  readonly type: SupervisionEvent['type']
  readonly attempt: number
}): Level {
  return failures.has(type) && attempt + 1 >= FAILURES_UNTIL_ERROR ? 'error' : levels[type]
}

function eventText({ type, name, kind, error, reason }: SupervisionEvent): string {
  const words = type === 'problem' || type === 'problem_over' ? reason : error?.message
  const why = words === undefined ? '' : `: ${words}`
  return `${kind} ${JSON.stringify(name)} ${type.replaceAll('_', ' ')}${why}`
}

function summaryText({ of, supervisor, count, first, last, errors }: EventSummary): string {
  const names = first === last ? JSON.stringify(first) : `${JSON.stringify(first)} to ${JSON.stringify(last)}`
  const why = errors.map(each => `${each.count} x ${each.code}: ${each.message}`).join(', ')
  const what = `supervisor ${JSON.stringify(supervisor)}: ${count} more ${of.replaceAll('_', ' ')}, ${names}`
  return why ? `${what}; ${why}` : what
}

/**
 * Logs one event of supervision, or a summary of many, as one line. Its type stands there as `event`: in a stream of JSON lines `type`
 * belongs to the program that writes the stream.
 */
export function logRecord(log: ResourceLog, record: SupervisionRecord): void {
  const level = record.type === 'summary' ? levels[record.of] : levelOf(record)
  if (log.isLevelEnabled?.(level) === false) return
  const { type, ...facts } = record
  if (record.type === 'summary') log[level]({ event: type, ...facts }, summaryText(record))
  else {
    const resource = pathOf(record.supervisor, record.name)
    log[level]({ event: type, resource, ...facts }, eventText(record))
  }
}
