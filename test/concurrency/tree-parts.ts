import type { ModelScope } from './tree-scopes.ts'

/** What is thrown: that somebody was cancelled, by whom; or failures. The same object is the same error. */
export type Thrown = Cut | Failed

interface Cut {
  readonly cutBy: string
}

interface Failed {
  readonly failed: readonly string[]
}

export interface ModelGroup {
  readonly scope: ModelScope
  readonly failures: Set<Failed>
  running: number
  isCutShort: boolean
  hasEnded: boolean
}

export interface ModelTask {
  readonly scope: ModelScope
  status: 'running' | 'done' | 'failed' | 'cancelled'
  thrown: Thrown | undefined
  /** What others do as soon as it has ended. */
  readonly followers: (() => void)[]
}

/** Somebody who has called `start`; the scope he waits in, if it gives him up. */
export interface Caller {
  readonly id: number
  readonly scope: ModelScope | undefined
  readonly task: ModelTask
  isListening: boolean
  outcome: 'waits' | 'ready' | Thrown
}

/** What a task waits for: to be picked; a time, or the end of a task, unless it is cancelled; all tasks of a group; a task to be ready. */
export type Wait =
  | { readonly gate: string }
  | { readonly sleep: string; readonly due: number; readonly scope: ModelScope }
  | { readonly task: ModelTask; readonly scope: ModelScope }
  | { readonly group: ModelGroup }
  | { readonly caller: Caller }

export type Course = Generator<Wait, void, void>

export interface Running {
  readonly course: Course
  readonly ended: (thrown: Thrown | undefined) => void
  wait: Wait | undefined
}

export interface Place {
  readonly scope: ModelScope
  readonly ready: () => void
}

export const isCut = (thrown: Thrown): thrown is Cut => 'cutBy' in thrown

export const failed = (...what: string[]): Failed => ({ failed: what })

export const said = (thrown: Thrown | undefined): string => {
  if (!thrown) return 'done'
  return isCut(thrown) ? `cut by ${thrown.cutBy}` : thrown.failed.join(', ')
}

/** The model's own faults are no part of what it models. */
export function thrownIn(error: unknown): Thrown {
  if (error instanceof Error) throw error
  return error as Thrown
}
