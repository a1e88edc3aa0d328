import type { ResourceEvent } from '../../observe/control/resource-answers.ts'
import { spanText } from '../../observe/span-text.ts'
import { printable } from '../printable.ts'
import { coloured, type Paper } from '../table.ts'
import { clockTime } from './clock-time.ts'

const loud: Readonly<Record<string, 'red' | 'yellow' | 'green'>> = {
  degraded: 'yellow',
  soft_restart: 'yellow',
  failed: 'red',
  start_error: 'red',
  gave_up: 'red',
  escalated: 'red',
  circuit_opened: 'red',
  problem: 'red',
  ready: 'green',
  recovered: 'green',
  restarted: 'green',
  problem_over: 'green',
}

/** The widest type of event, so that what follows stands below each other. */
const TYPE_WIDTH = 'backoff_scheduled'.length

/** One event on one line. */
export function eventLine({ time, path, event }: ResourceEvent, paper: Paper = {}): string {
  const { type, incarnation, error, delay, reason, count } = event
  const style = loud[type]
  const shown = printable(type.padEnd(TYPE_WIDTH))
  const who = incarnation === undefined ? path : `${path} #${incarnation}`
  const facts = [
    ...(count !== undefined && type !== 'problem' ? [String(count)] : []),
    ...(delay === undefined ? [] : [`in ${spanText(delay)}`]),
    ...(error && type !== 'problem' && type !== 'problem_over' ? [`${error.code}: ${error.message}`] : []),
    ...(reason === undefined ? [] : [reason]),
  ]
  const text = [who, ...facts].join('  ').replaceAll('\n', ' ')
  return `${clockTime(time)}  ${style ? coloured(shown, style, paper) : shown}  ${printable(text)}`
}
