import type { SupervisionEvent } from '../../../supervision/types.ts'
import { duration, timeOfDay } from '../app/units.ts'

const bad = new Set(['failed', 'start_error', 'gave_up', 'escalated', 'circuit_opened', 'shutdown_error'])
const doubtful = new Set([
  'degraded',
  'soft_restart',
  'backoff_scheduled',
  'suspended',
  'dead_letter',
  'storm_delayed',
])
const good = new Set(['ready', 'restarted', 'recovered', 'circuit_closed', 'unsuspended'])

/** How an event is coloured. */
export function toneOf(type: string): 'bad' | 'doubtful' | 'good' | 'plain' {
  return bad.has(type) ? 'bad' : doubtful.has(type) ? 'doubtful' : good.has(type) ? 'good' : 'plain'
}

/** What an event says beyond its type. */
export function eventText(event: SupervisionEvent): string {
  const { error, reason, delay, directive, count } = event
  return [
    error && `${error.code}: ${error.message}`,
    reason,
    directive && `decision: ${directive}`,
    delay !== undefined && `in ${duration(delay)}`,
    count !== undefined && `× ${count}`,
  ]
    .filter(Boolean)
    .join(' · ')
}

/** The last events of an actor, newest first. */
export function EventLog({ history }: { readonly history: readonly SupervisionEvent[] }) {
  return (
    <section aria-label="Events" className="box">
      <h3>
        Events <span className="dim">newest first</span>
      </h3>
      {history.length === 0 ? (
        <p className="dim small">Nothing has happened but its start.</p>
      ) : (
        <table className="events">
          <thead className="unseen">
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Incarnation</th>
              <th scope="col">Event</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {history.toReversed().map((event, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: events have no ids, and stand in a fixed order
              <tr key={history.length - index} className={toneOf(event.type)}>
                <td className="time">{timeOfDay(event.at)}</td>
                <td className="number dim">#{event.incarnation}</td>
                <td className="type">{event.type}</td>
                <td className="text">{eventText(event)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
