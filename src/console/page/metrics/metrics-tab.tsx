import { useMemo } from 'react'
import type { FiguresSample } from '../../../observe/view/messages.ts'
import { bytes, milliseconds } from '../app/units.ts'
import { useLive } from '../live/live-context.ts'
import { Plot } from './plot.tsx'

/** A figure that is drawn over time. */
interface Figure {
  readonly name: string
  readonly series: readonly { readonly name: string; value(sample: FiguresSample): number | undefined }[]
  format(value: number): string
  /** Whether there is nothing between 1 and 2. */
  readonly isWhole?: true
}

const count = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 1 })
const processes = (sample: FiguresSample) =>
  Object.values(sample.processes).reduce((sum, size) => sum + size, 0)

const figures: readonly Figure[] = [
  {
    name: 'Tokens per second',
    series: [{ name: 'tokens/s', value: sample => sample.tokensPerSecond }],
    format: count,
  },
  {
    name: 'Time to first token',
    series: [{ name: 'median of a minute', value: sample => sample.timeToFirstToken }],
    format: milliseconds,
  },
  {
    name: 'Generations',
    series: [
      { name: 'running', value: sample => sample.running },
      { name: 'waiting', value: sample => sample.waiting },
    ],
    format: count,
    isWhole: true,
  },
  {
    name: 'Restarts',
    series: [{ name: 'since the start', value: sample => sample.restarts }],
    format: count,
    isWhole: true,
  },
  {
    name: 'Event loop delay',
    series: [{ name: '99th percentile', value: sample => sample.eventLoopDelay }],
    format: milliseconds,
  },
  {
    name: 'Memory',
    series: [
      { name: 'node', value: sample => sample.memory },
      { name: 'its processes', value: processes },
    ],
    format: bytes,
  },
]

/** Six figures of the node over the last hour at most. */
export function MetricsTab() {
  const { state, version } = useLive('figures')
  const samples = useMemo(() => {
    void version
    return [...state.figures]
  }, [state, version])
  const times = useMemo(() => samples.map(sample => sample.time / 1_000), [samples])
  if (samples.length === 0) return <p className="empty">Waiting for the first figures…</p>
  return (
    <div className="figures">
      {figures.map(figure => (
        <FigureBox key={figure.name} figure={figure} samples={samples} times={times} />
      ))}
    </div>
  )
}

interface FigureBoxProps {
  readonly figure: Figure
  readonly samples: readonly FiguresSample[]
  readonly times: readonly number[]
}

function FigureBox({ figure, samples, times }: FigureBoxProps) {
  const { name, series, format } = figure
  const columns = series.map(({ value }) => samples.map(sample => value(sample) ?? null))
  const newest = columns.map(column => column.at(-1))
  const said = series.map((one, index) => `${one.name} ${shown(newest[index], format)}`).join(', ')
  return (
    <section className="box figure" aria-label={`${name}: ${said}`}>
      <h2>{name}</h2>
      <p className="figure-now number">
        {series.map((one, index) => (
          <span key={one.name} className={`series-${index}`}>
            <strong>{shown(newest[index], format)}</strong> <span className="dim">{one.name}</span>
          </span>
        ))}
      </p>
      <Plot
        times={times}
        columns={columns}
        names={series.map(one => one.name)}
        format={format}
        label={name}
        isWhole={figure.isWhole === true}
      />
    </section>
  )
}

function shown(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value)
}
