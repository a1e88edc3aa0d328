import type { Verdict } from './play.ts'

const SHOWN_LINES = 50

/** What a person needs to know of a world that broke a promise, and how to see it again. */
export function failureReport({ seed, violation, trace }: Verdict, machines: boolean): string {
  if (violation === undefined) return `seed ${seed}: every promise was kept`
  const { invariant, step, time, text } = violation
  const from = Math.max(0, trace.length - SHOWN_LINES)
  return [
    `seed ${seed}, step ${step}, at ${time} ms: ${invariant}`,
    `  ${text}`,
    `  the last ${trace.length - from} of ${trace.length} lines:`,
    ...trace.slice(from).map(line => `    ${line}`),
    `  again: ${replayCommand(seed, machines)}`,
  ].join('\n')
}

export function replayCommand(seed: number, machines: boolean): string {
  return `npm run simulate -- ${machines ? '--machines ' : ''}--seed ${seed} --trace`
}
