import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import { colour } from '../app/theme.ts'

interface PlotProps {
  /** Seconds since 1970. */
  readonly times: readonly number[]
  readonly columns: readonly (readonly (number | null)[])[]
  readonly names: readonly string[]
  readonly label: string
  readonly isWhole: boolean
  format(value: number): string
}

const HEIGHT = 200
const colours = ['accent', 'second']

/** Lines over time, drawn by uPlot on a canvas; all plots of the page share one cursor. */
export function Plot({ times, columns, names, label, format, isWhole }: PlotProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot>(undefined)
  const data = useRef<UPlot.AlignedData>([[]])
  data.current = [[...times], ...columns.map(column => [...column])]
  const latest = useRef({ names, format, isWhole })
  latest.current = { names, format, isWhole }

  useEffect(() => {
    const { current } = place
    if (!current) return
    const draw = () => {
      plot.current?.destroy()
      plot.current = new UPlot(options(current.clientWidth, latest.current), data.current, current)
    }
    draw()
    const sized = new ResizeObserver(() =>
      plot.current?.setSize({ width: current.clientWidth, height: HEIGHT }),
    )
    sized.observe(current)
    // A canvas knows no style sheet: it is drawn again when the colours are other ones.
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    addEventListener('themechange', draw)
    return () => {
      sized.disconnect()
      dark.removeEventListener('change', draw)
      removeEventListener('themechange', draw)
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [])

  useEffect(() => {
    void times
    void columns
    plot.current?.setData(data.current)
  }, [times, columns])

  return <div ref={place} className="plot" role="img" aria-label={`${label} over time`} />
}

function options(
  width: number,
  { names, format, isWhole }: Pick<PlotProps, 'names' | 'format' | 'isWhole'>,
): UPlot.Options {
  const axis: UPlot.Axis = {
    stroke: colour('dim'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height: HEIGHT,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'figures' }, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: (_, low, high) => rangeOf(low, high) } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 90,
        values: (_, seconds) => seconds.map(second => clock.format(second * 1_000)),
      },
      {
        ...axis,
        ...(isWhole && { incrs: [1, 2, 5, 10, 20, 50, 100, 1_000, 10_000] }),
        size: 62,
        values: (_, values) => values.map(value => tick(format(value))),
      },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: colour(colours[index] ?? 'accent'),
        width: 1.5,
        ...(index === 0 && { fill: colour('accent-faint') }),
        points: { show: false },
      })),
    ],
  }
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** A figure beside an axis, without digits that say nothing: `40 ms` in place of `40.0 ms`. */
function tick(text: string): string {
  return text.replace(/\.0+(?= )/, '')
}

/** From 0, with some room above; what is always 0 is a line at the bottom. */
function rangeOf(low: number | null, high: number | null): [number, number] {
  const top = high ?? 0
  return [Math.min(0, low ?? 0), top <= 0 ? 1 : top * 1.15]
}
