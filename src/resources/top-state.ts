import type { LifecycleState } from '../../machines/lifecycle.ts'

/** The state among the seven that a machine's state value stands for. */
export function topState(value: unknown): LifecycleState {
  if (typeof value === 'string') return value as LifecycleState
  for (const state in value as object) return state as LifecycleState
  return 'UNINITIALIZED'
}
