import { useMemo, useState } from 'react'
import { timeOfDay } from '../app/units.ts'
import { useLive } from '../live/live-context.ts'
import type { TracedLine } from '../live/live-state.ts'
import { type Arrow, arrowsOf } from './sequence.ts'

const LANE = 220
const BEFORE = 40
const AFTER = 140
const STEP = 26
const TOP = 34
const SHOWN = 60

interface SequenceDiagramProps {
  readonly path: string
  readonly compared: readonly string[]
  onCompare(paths: readonly string[]): void
}

/** Messages between an actor and others that the user adds, in the order in which they came. */
export function SequenceDiagram({ path, compared, onCompare }: SequenceDiagramProps) {
  const { state, version } = useLive('detail')
  const chosen = useMemo(() => [...new Set([path, ...compared])], [path, compared])
  const { lanes, arrows } = useMemo(() => {
    void version
    return arrowsOf(state.traces.slice(-SHOWN), chosen)
  }, [state, version, chosen])
  return (
    <section aria-label="Messages" className="box">
      <h3>
        Messages <span className="dim">from when you began to watch</span>
      </h3>
      <LanePicker chosen={chosen} path={path} onCompare={onCompare} />
      {arrows.length === 0 ? (
        <p className="dim small">No message has come yet.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
        <section className="sequence" tabIndex={0} aria-label="Sequence diagram">
          <Picture lanes={lanes} arrows={arrows} />
        </section>
      )}
    </section>
  )
}

function LanePicker({
  chosen,
  path,
  onCompare,
}: Omit<SequenceDiagramProps, 'compared'> & { readonly chosen: readonly string[] }) {
  const { state } = useLive('rows')
  const [text, setText] = useState('')
  const others = chosen.filter(one => one !== path)
  const found = text.length < 2 ? [] : firstMatches(state.rows.keys(), text, chosen)
  return (
    <div className="lane-picker">
      {others.map(one => (
        <span key={one} className="badge">
          {lastName(one)}
          <button
            type="button"
            aria-label={`Leave out ${one}`}
            onClick={() => onCompare(others.filter(kept => kept !== one))}
          >
            ×
          </button>
        </span>
      ))}
      <input
        value={text}
        onChange={event => setText(event.target.value)}
        placeholder="Add an actor…"
        aria-label="Add an actor to the diagram"
        disabled={chosen.length >= 16}
      />
      {found.map(one => (
        <button
          key={one}
          type="button"
          className="quiet"
          onClick={() => {
            onCompare([...others, one])
            setText('')
          }}
        >
          + {one}
        </button>
      ))}
    </div>
  )
}

function firstMatches(paths: Iterable<string>, text: string, chosen: readonly string[]): string[] {
  const found: string[] = []
  for (const path of paths) {
    if (path.toLowerCase().includes(text.toLowerCase()) && !chosen.includes(path)) found.push(path)
    if (found.length === 5) break
  }
  return found
}

const lastName = (path: string) => path.slice(path.lastIndexOf('/') + 1)

function Picture({
  lanes,
  arrows,
}: {
  readonly lanes: readonly string[]
  readonly arrows: readonly Arrow<TracedLine>[]
}) {
  const width = BEFORE + lanes.length * LANE + AFTER
  const height = TOP + arrows.length * STEP + 12
  const x = (lane: number) => BEFORE + lane * LANE + LANE / 2
  return (
    <svg
      width={width}
      height={height}
      role="img"
      aria-label={`${arrows.length} messages between ${lanes.join(', ')}`}
    >
      <defs>
        <marker
          id="arrow-head"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="7"
          markerHeight="7"
          orient="auto-start-reverse"
        >
          <path d="M0 .5 7.5 4 0 7.5z" />
        </marker>
      </defs>
      {lanes.map((lane, index) => (
        <g key={lane}>
          <text x={x(index)} y="16" textAnchor="middle" className="lane-name">
            {lastName(lane)}
          </text>
          <line x1={x(index)} x2={x(index)} y1={TOP - 10} y2={height} className="lane-line" />
        </g>
      ))}
      {arrows.map(({ line, from, to }, index) => {
        const y = TOP + (index + 0.7) * STEP
        const isSelf = from === to
        const path = isSelf
          ? `M${x(from)} ${y - 6}h18v9h-16`
          : `M${x(from)} ${y}H${x(to) + (from < to ? -2 : 2)}`
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a diagram has no other order
          <g key={index} className={line.error ? 'arrow bad' : 'arrow'}>
            <title>
              {[timeOfDay(line.time), line.type, line.text, line.error?.message].filter(Boolean).join(' · ')}
            </title>
            <text x="0" y={y + 4} className="arrow-time">
              {timeOfDay(line.time).slice(3)}
            </text>
            <path d={path} markerEnd="url(#arrow-head)" />
            <text
              x={isSelf ? x(from) + 24 : (x(from) + x(to)) / 2}
              y={isSelf ? y + 3 : y - 5}
              textAnchor={isSelf ? 'start' : 'middle'}
            >
              {short(line)}
            </text>
          </g>
        )
      })}
    </svg>
  )
}

function short({ type, text, error }: TracedLine): string {
  const all = error ? `${type} ${error.code}` : text ? `${type} ${text}` : type
  return all.length > 36 ? `${all.slice(0, 35)}…` : all
}
