import { useMemo } from 'react'
import type { JournalLine } from '../../../observe/view/messages.ts'
import { toneOf } from '../actors/event-log.tsx'
import { timeOfDay } from '../app/units.ts'

interface TimeSliderProps {
  readonly lines: readonly JournalLine[]
  readonly index: number
  readonly isLive: boolean
  /** Whether there is a newest line to follow: a file has none. */
  readonly canFollow: boolean
  /** The sequence number to show; undefined follows the newest. */
  onChoose(sequence: number | undefined): void
}

/** Scrubs through a journal, line by line or from one problem to the next. */
export function TimeSlider({ lines, index, isLive, canFollow, onChoose }: TimeSliderProps) {
  const problems = useMemo(() => problemsIn(lines), [lines])
  // A journal begins with the tree as it was then, in lines of one number.
  const first = useMemo(() => lines.findLastIndex(line => line.sequence === lines[0]?.sequence), [lines])
  const at = lines[index]
  const go = (to: number | undefined) => {
    const line = to === undefined ? undefined : lines[to]
    if (line) onChoose(line.sequence)
  }
  const before = problems.findLast(problem => problem < index)
  const after = problems.find(problem => problem > index)
  const last = Math.max(0, lines.length - 1)
  return (
    <div className="time-slider">
      <div className="buttons">
        <button type="button" onClick={() => go(before)} disabled={before === undefined}>
          « Problem
        </button>
        <button
          type="button"
          className="icon"
          aria-label="One line back"
          onClick={() => go(index - 1)}
          disabled={index <= first}
        >
          ‹
        </button>
        <button
          type="button"
          className="icon"
          aria-label="One line on"
          onClick={() => go(index + 1)}
          disabled={index >= last}
        >
          ›
        </button>
        <button type="button" onClick={() => go(after)} disabled={after === undefined}>
          Problem »
        </button>
      </div>
      <div className="slider-track">
        <ProblemMarks problems={problems} count={lines.length} />
        <input
          type="range"
          min={Math.max(0, first)}
          max={last}
          value={index}
          aria-label="Moment"
          aria-valuetext={at ? `${timeOfDay(at.time)}, line ${index + 1} of ${lines.length}` : 'no line yet'}
          onChange={event => go(Number(event.target.value))}
        />
      </div>
      <output className="number moment">{at ? timeOfDay(at.time) : '–'}</output>
      <span className="dim number line-count">
        {lines.length === 0 ? 0 : index + 1} / {lines.length}
      </span>
      {canFollow && (
        <button type="button" aria-pressed={isLive} className="follow" onClick={() => onChoose(undefined)}>
          Now
        </button>
      )}
    </div>
  )
}

/** How long after an event the rows may come that it changed: they are gathered before they are written. */
const GATHERED = 250

/** Where the problems are: at the rows that show what became of them, if these follow soon. */
function problemsIn(lines: readonly JournalLine[]): readonly number[] {
  const places = lines.flatMap((line, at) => {
    if (!isProblem(line)) return []
    const shown = lines.slice(at, at + 100).findIndex(later => later.event.type === 'rows')
    const rows = lines[at + shown]
    return [shown > 0 && rows && rows.time - line.time <= GATHERED ? at + shown : at]
  })
  return [...new Set(places)]
}

function isProblem({ event }: JournalLine): boolean {
  return event.type === 'summary' ? toneOf(event.of) === 'bad' : toneOf(event.type) === 'bad'
}

/** Where in the journal the problems lie. Neighbours that fall on one place are drawn once. */
function ProblemMarks({ problems, count }: { readonly problems: readonly number[]; readonly count: number }) {
  const places = new Set(problems.map(problem => Math.round((problem / Math.max(1, count - 1)) * 400) / 4))
  return (
    <svg className="marks" width="100%" height="8" aria-hidden="true">
      {[...places].map(place => (
        <rect key={place} x={`${place}%`} width="2" height="8" />
      ))}
    </svg>
  )
}
