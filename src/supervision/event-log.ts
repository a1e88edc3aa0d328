import { toErrorRecord } from '../errors.ts'
import type { ResourceLog } from '../resources/log.ts'
import type { SupervisionEvent, SupervisionEventType } from './types.ts'

type Level = keyof ResourceLog

const levels: Readonly<Record<SupervisionEventType, Level>> = {
  started: 'debug',
  ready: 'info',
  degraded: 'warn',
  recovered: 'info',
  soft_restart: 'warn',
  failed: 'warn',
  child_terminated: 'debug',
  backoff_scheduled: 'info',
  restarted: 'info',
  gave_up: 'error',
  stopped: 'info',
  dead_letter: 'warn',
  shutdown_error: 'error',
  resumed: 'warn',
  start_error: 'warn',
  escalated: 'error',
  circuit_opened: 'error',
  circuit_half_open: 'info',
  circuit_closed: 'info',
  ignored: 'info',
  suspended: 'info',
  unsuspended: 'info',
  reloaded: 'info',
  auto_shutdown: 'info',
}

const isPowerOfTwo = (count: number): boolean => (count & (count - 1)) === 0

/** Dead letters come in floods: the log shows the 1st, 2nd, 4th, 8th ... of them. Listeners get all. */
function isLogged({ type, count = 1 }: SupervisionEvent): boolean {
  return type !== 'dead_letter' || isPowerOfTwo(count)
}

/**
 * Logs one event of supervision as one line. Its type stands there as `event`: in a stream of JSON lines `type` belongs
 * to the program that writes the stream.
 */
export function logEvent(log: ResourceLog, event: SupervisionEvent): void {
  if (!isLogged(event)) return
  const { type, ...facts } = event
  const { name, kind, error } = event
  const why = error ? `: ${error.message}` : ''
  log[levels[type]](
    { event: type, ...facts },
    `${kind} ${JSON.stringify(name)} ${type.replaceAll('_', ' ')}${why}`,
  )
}

/** Calls a listener; what it throws is logged and goes no further. */
export function notify(
  log: ResourceLog,
  listener: (event: SupervisionEvent) => void,
  event: SupervisionEvent,
): void {
  try {
    listener(event)
  } catch (error) {
    log.error({ error: toErrorRecord(error) }, `a listener for supervision events threw at ${event.type}`)
  }
}
