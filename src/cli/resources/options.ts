import { InvalidArgumentError } from 'commander'
import { type LifecycleState, lifecycleStates } from '../../../machines/lifecycle.ts'
import { parseDuration } from '../../config/units.ts'

export const json = ['--json', 'write the result as JSON'] as const
export const watch = ['--watch', 'go on, and show it again whenever it changes'] as const

/** Reads `12h` as milliseconds. */
export function spanOption(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('expected a time like 90s, 15m or 12h')
  return milliseconds
}

/** Reads the name of a state, also in small letters. */
export function stateOption(text: string): LifecycleState {
  const state = lifecycleStates.find(each => each === text.toUpperCase())
  if (!state) throw new InvalidArgumentError(`expected one of ${lifecycleStates.join(', ')}`)
  return state
}
