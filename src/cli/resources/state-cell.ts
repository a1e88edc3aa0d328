import type { LifecycleState } from '../../../machines/lifecycle.ts'
import type { Cell } from '../table.ts'

const styles = {
  UNINITIALIZED: 'dim',
  INITIALIZING: 'cyan',
  READY: 'green',
  DEGRADED: 'yellow',
  ERROR: 'red',
  CLOSING: 'cyan',
  CLOSED: 'dim',
} as const

/** A state in its colour; the word says the same without colours. */
export function stateCell({
  state,
  suspended,
}: {
  readonly state: LifecycleState
  readonly suspended: boolean
}): Cell {
  return { text: suspended ? `${state}, suspended` : state, style: styles[state] }
}
