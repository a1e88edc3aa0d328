import type { Step } from './tree-script.ts'

/** All that has happened in a tree, line by line, and what chance has picked; the rest follows from it. */
export interface History {
  readonly lines: readonly string[]
  readonly picks: readonly string[]
  /** The callers of `start` in the order in which they heard that they are cancelled: it is promised to none to be the first. */
  readonly heard: readonly number[]
}

/** What a step acts on. Undefined only if there is none yet. */
export const chosen = <T>(from: readonly T[], { target }: { readonly target: number }): T | undefined =>
  from[target % from.length]

export const pickLine = (now: number, label: string, among: readonly string[], timers: number): string =>
  `${now}: ${label} of [${[...among].sort().join(', ')}], ${timers} timers`

export const stepLine = (step: Step, outcome: string): string => `${step.do} ${step.id}: ${outcome}`

export const closing = (name: string, isCalled: boolean, hasCaught: boolean, by: string): string =>
  `${name}: ${isCalled ? 'cancelled' : 'not cancelled'}, ${hasCaught ? 'caught' : 'caught nothing'}, ${by}`

export function without<T>(list: T[], one: T | undefined): void {
  const index = one === undefined ? -1 : list.indexOf(one)
  if (index >= 0) list.splice(index, 1)
}
