import { useMemo } from 'react'
import type { ActorRow, JournalLine } from '../../../observe/view/messages.ts'
import type { SupervisionRecord } from '../../../supervision/types.ts'
import { eventText, toneOf } from '../actors/event-log.tsx'
import { StateChip, StateGlyph } from '../actors/state-glyph.tsx'
import { plural, timeOfDay } from '../app/units.ts'
import { Statechart } from '../chart/statechart.tsx'
import { useLive } from '../live/live-context.ts'

const SHOWN = 60

interface MomentViewProps {
  readonly lines: readonly JournalLine[]
  readonly index: number
  /** The chosen actor as it was; undefined when none is chosen, or it was not there. */
  readonly row: ActorRow | undefined
  readonly path: string | undefined
}

/** The statechart of the chosen actor as it was, and what had happened until then. */
export function MomentView({ lines, index, row, path }: MomentViewProps) {
  const events = useMemo(() => recent(lines, index, path), [lines, index, path])
  return (
    <div className="detail">
      {path !== undefined && !row && (
        <p className="empty">
          <code>{path}</code> was not there at that moment.
        </p>
      )}
      {row && <ActorThen row={row} />}
      <section className="box" aria-label="Events until then">
        <h3>
          Events until then <span className="dim">newest first</span>
        </h3>
        {events.length === 0 ? (
          <p className="dim small">None in this journal.</p>
        ) : (
          <table className="events">
            <thead className="unseen">
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Event</th>
                <th scope="col">Of</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              {events.map(({ sequence, time, event }) => (
                <tr key={sequence} className={toneOf(event.type === 'summary' ? event.of : event.type)}>
                  <td className="time">{timeOfDay(time)}</td>
                  <td className="type">
                    {event.type === 'summary' ? `${event.of} × ${event.count}` : event.type}
                  </td>
                  <td className="who">
                    {event.type === 'summary' ? `${event.first} … ${event.last}` : event.name}
                  </td>
                  <td className="text">{event.type === 'summary' ? summaryText(event) : eventText(event)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </div>
  )
}

function ActorThen({ row }: { readonly row: ActorRow }) {
  const { state } = useLive('detail')
  const machines = state.hello?.machines ?? {}
  // The journal keeps no machine: it is the one that the actor has today, or else that of its kind.
  const config = machines[state.details.get(row.path)?.machine ?? row.kind] ?? machines['lifecycle']
  return (
    <>
      <header className="detail-head">
        <div className="detail-title">
          <h2>
            <StateGlyph state={row.state} /> {row.name}
          </h2>
          <StateChip state={row.state} />
          {row.suspended && <span className="badge">suspended</span>}
        </div>
        <p className="dim path">
          {row.path} · incarnation {row.incarnation} · {plural(row.restarts, 'restart')}
          {row.error && (
            <>
              {' '}
              · <code>{row.error}</code>
            </>
          )}
        </p>
      </header>
      {config !== undefined && (
        <section aria-label="Statechart" className="chart-box">
          <Statechart config={config} value={row.state} transition={undefined} label={row.name} />
        </section>
      )}
    </>
  )
}

function recent(lines: readonly JournalLine[], index: number, path: string | undefined) {
  const found: (JournalLine & { readonly event: SupervisionRecord })[] = []
  for (let at = Math.min(index, lines.length - 1); at >= 0 && found.length < SHOWN; at -= 1) {
    const line = lines[at]
    if (!line || line.event.type === 'rows') continue
    if (path !== undefined && pathOf(line.event) !== path) continue
    found.push({ ...line, event: line.event })
  }
  return found
}

function pathOf(event: SupervisionRecord): string {
  return event.type === 'summary' ? event.supervisor : `${event.supervisor}/${event.name}`
}

function summaryText(event: Extract<SupervisionRecord, { type: 'summary' }>): string {
  return event.errors.map(({ code, message, count }) => `${count} × ${code}: ${message}`).join(' · ')
}
