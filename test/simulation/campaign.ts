import { drawScenario } from './draw.ts'
import { play, type Verdict } from './play.ts'

/** What came of many seeds. */
export interface Tally {
  seeds: number
  /** Seeds that ran twice, with `machines` once by XState and once by tables, and gave the same trace. */
  repeated: number
  steps: number
  lines: number
  lives: number
  simulatedMs: number
  readonly endings: Record<string, number>
  readonly failures: Verdict[]
}

export const emptyTally = (): Tally => ({
  seeds: 0,
  repeated: 0,
  steps: 0,
  lines: 0,
  lives: 0,
  simulatedMs: 0,
  endings: {},
  failures: [],
})

/** Adds one tally to another. */
export function addTally(sum: Tally, { endings, failures, ...counts }: Tally): void {
  sum.seeds += counts.seeds
  sum.repeated += counts.repeated
  sum.steps += counts.steps
  sum.lines += counts.lines
  sum.lives += counts.lives
  sum.simulatedMs += counts.simulatedMs
  for (const [ending, count] of Object.entries(endings))
    sum.endings[ending] = (sum.endings[ending] ?? 0) + count
  sum.failures.push(...failures)
}

/**
 * Plays a seed; every `repeatEvery`-th seed twice, which must give the same trace.
 * @param machines with XState's interpreter; then every seed is played without it as well, to the same trace
 */
export async function playSeed(seed: number, repeatEvery: number, machines = false): Promise<Tally> {
  const verdict = await play(drawScenario(seed), machines)
  const tally = emptyTally()
  tally.seeds = 1
  tally.steps = verdict.steps
  tally.lines = verdict.trace.length
  tally.lives = verdict.lives
  tally.simulatedMs = verdict.simulatedMs
  tally.endings[verdict.ending] = 1
  if (verdict.violation) tally.failures.push(verdict)
  else if (machines) {
    // XState's interpreter and the tables made of the machines are to be the same to everybody.
    const byTables = await play(drawScenario(seed))
    if (byTables.hash === verdict.hash) tally.repeated = 1
    else tally.failures.push(differs(byTables, verdict, 'same-by-tables'))
  } else if (seed % repeatEvery === 0) {
    const again = await play(drawScenario(seed))
    if (again.hash === verdict.hash) tally.repeated = 1
    else tally.failures.push(differs(verdict, again))
  }
  return tally
}

function differs(first: Verdict, again: Verdict, invariant = 'repeats'): Verdict {
  const line = first.trace.findIndex((text, index) => text !== again.trace[index])
  const text = `line ${line} was ${JSON.stringify(first.trace[line])} and then ${JSON.stringify(again.trace[line])}`
  return { ...again, violation: { invariant, step: again.steps, time: again.simulatedMs, text } }
}
