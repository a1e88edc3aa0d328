import type { LifecycleState } from '../../machines/lifecycle.ts'

/** The state among the seven that a machine's state value stands for. */
export function topState(value: unknown): LifecycleState {
  if (typeof value === 'string') return value as LifecycleState
  for (const state in value as object) return state as LifecycleState
  return 'UNINITIALIZED'
}

/** True in the states in which a client is there and messages are handled. */
export const isWorking = (state: LifecycleState): boolean => state === 'READY' || state === 'DEGRADED'
