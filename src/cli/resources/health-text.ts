import type { HealthAnswer } from '../../observe/control/resource-answers.ts'
import { spanText } from '../../observe/span-text.ts'
import { printable } from '../printable.ts'
import { coloured, type Paper, table } from '../table.ts'
import { clockTime } from './clock-time.ts'
import { stateCounts } from './list-table.ts'

type Happened = NonNullable<HealthAnswer['happened']>

const MEBIBYTE = 2 ** 20
const mebibytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)} MiB`
const times = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** A list under its title; nothing where there is nothing. */
const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length > 0 ? ['', title, ...lines] : []

const indented = (text: string): readonly string[] => text.split('\n').map(line => `  ${line}`)

/** The answer to `resources health` for people. */
export function healthText(answer: HealthAnswer, paper: Paper = {}): string {
  const { node, problems, stats, happened } = answer
  const verdict =
    problems.length === 0
      ? coloured('no problem', 'green', paper)
      : coloured(times(problems.length, 'problem'), 'red', paper)
  const rows = problems.map(({ path, since, message, recovering }) => [
    clockTime(since),
    path,
    recovering ? `${message} (well at the last look)` : message,
  ])
  return [
    `node ${node}: ${verdict}, ${stateCounts(stats.states)}`,
    ...(rows.length > 0 ? indented(table(rows, narrower(paper))) : []),
    '',
    ...figureLines(answer),
    ...(happened ? happenedLines(happened, answer, paper) : []),
    '',
  ].join('\n')
}

const narrower = (paper: Paper): Paper =>
  paper.width === undefined ? paper : { ...paper, width: paper.width - 2 }

function figureLines({ stats, thresholds, history }: HealthAnswer): readonly string[] {
  const { delay, memory, processes, restarts, tokensPerSecond, running, waiting } = stats
  const others = Object.entries(processes).map(([path, bytes]) => `${printable(path)} ${mebibytes(bytes)}`)
  const limit = thresholds.memory === undefined ? '' : `, of ${mebibytes(thresholds.memory)}`
  return [
    `restarts   ${restarts} within the last hour, a problem from ${thresholds.restarts} of one resource on`,
    `delay      ${Math.round(delay.p99)} ms of the event loop at the 99th percentile, a problem from ${thresholds.delay} ms on`,
    `memory     ${[mebibytes(memory), ...others].join(', ')}${limit}`,
    ...(tokensPerSecond === undefined
      ? []
      : [
          `generating ${tokensPerSecond.toFixed(1)} tokens/s, ${running ?? 0} running, ${waiting ?? 0} waiting`,
        ]),
    `history    ${history === undefined ? 'in memory alone' : printable(history)}`,
  ]
}

function happenedLines(happened: Happened, { time }: HealthAnswer, paper: Paper): readonly string[] {
  const { since, known, events, starts, crashes, lost } = happened
  const told = known > since ? `, known since ${clockTime(known)}` : ''
  const counts = [
    times(events, 'event'),
    ...(starts > 0 ? [times(starts, 'start')] : []),
    ...(crashes > 0 ? [`${crashes} after an end without order`] : []),
    ...(lost > 0 ? [`${lost} entries lost`] : []),
  ]
  return [
    '',
    `since ${clockTime(since)}, ${spanText(time - since)}${told}: ${counts.join(', ')}`,
    ...pastLines(happened, narrower(paper)),
  ]
}

function pastLines(
  { problems, restarts, errors, downtime, figures }: Happened,
  paper: Paper,
): readonly string[] {
  const rows = (title: string, cells: readonly (readonly string[])[]): readonly string[] =>
    section(title, cells.length > 0 ? indented(table(cells, paper)) : [])
  return [
    ...rows(
      'problems',
      problems.map(({ path, began, over, message }) => [
        clockTime(began),
        over === undefined ? 'not seen over' : `for ${spanText(over - began)}`,
        path,
        message,
      ]),
    ),
    ...rows(
      'restarts',
      restarts.map(({ path, count }) => [String(count), path]),
    ),
    ...rows(
      'errors',
      errors.map(({ code, count, resources, last, message }) => [
        String(count),
        code,
        `of ${times(resources, 'resource')}`,
        `last ${clockTime(last)}`,
        message,
      ]),
    ),
    ...rows(
      'out of order',
      downtime.map(({ path, outages, down, degraded }) => [
        path,
        `down ${spanText(down)}`,
        `DEGRADED ${spanText(degraded)}`,
        times(outages, 'time'),
      ]),
    ),
    ...rows(
      'figures',
      Object.entries(figures).map(([name, { min, median, max }]) => {
        const shown = shownAs(name)
        return [figureName(name), `least ${shown(min)}`, `median ${shown(median)}`, `most ${shown(max)}`]
      }),
    ),
  ]
}

const figureName = (name: string): string => (name === 'tokensPerSecond' ? 'tokens/s' : name)

function shownAs(name: string): (value: number) => string {
  if (name.startsWith('memory')) return mebibytes
  if (name === 'delay') return value => `${Math.round(value)} ms`
  return value => value.toFixed(1)
}
