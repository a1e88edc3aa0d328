import { Statechart } from '../chart/statechart.tsx'
import { useLive } from '../live/live-context.ts'
import { ActorCommands } from './actor-commands.tsx'
import { ActorFacts } from './actor-facts.tsx'
import { ErrorChain } from './error-chain.tsx'
import { EventLog } from './event-log.tsx'
import { PolicyTable } from './policy-table.tsx'
import { SequenceDiagram } from './sequence-diagram.tsx'
import { StateChip, StateGlyph } from './state-glyph.tsx'

interface ActorDetailProps {
  readonly path: string
  readonly now: number
  /** The actors whose messages are shown together with this one's. */
  readonly compared: readonly string[]
  onCompare(paths: readonly string[]): void
}

/** Everything of one actor. */
export function ActorDetail({ path, now, compared, onCompare }: ActorDetailProps) {
  const { state } = useLive('detail')
  useLive('rows')
  const row = state.rows.get(path)
  const detail = state.details.get(path)
  if (!row)
    return (
      <p className="empty" role="status">
        {state.complete ? (
          <>
            There is no <code>{path}</code> now. It may have been removed; the journal still shows it.
          </>
        ) : (
          'Waiting for the tree…'
        )}
      </p>
    )
  const transitions = state.transitions.get(path) ?? []
  const last = transitions.at(-1) ?? detail?.lastTransition
  const config = detail && state.hello?.machines[detail.machine]
  return (
    <article className="detail">
      <header className="detail-head">
        <div className="detail-title">
          <h2>
            <StateGlyph state={row.state} /> {row.name}
          </h2>
          <StateChip state={row.state} />
          {row.suspended && <span className="badge">suspended</span>}
        </div>
        <p className="dim path">
          {row.path} · {row.displayName === row.name ? row.kind : row.displayName}
        </p>
        <ActorCommands row={row} />
      </header>
      {detail ? (
        <>
          <div className="detail-grid">
            <section aria-label="Statechart" className="chart-box">
              {config ? (
                <Statechart config={config} value={detail.value} transition={last} label={row.name} />
              ) : (
                <p className="empty">The machine {detail.machine} is not known to this page.</p>
              )}
            </section>
            <ActorFacts detail={detail} now={now} transition={last} />
          </div>
          <ErrorChain error={detail.lastError} history={detail.history} state={row.state} />
          <EventLog history={detail.history} />
          <SequenceDiagram path={path} compared={compared} onCompare={onCompare} />
          {detail.spec && <PolicyTable spec={detail.spec} />}
        </>
      ) : (
        <p className="empty">Waiting for its details…</p>
      )}
    </article>
  )
}
