/**
 * Plays many seeded worlds and says which broke a promise of the kernel. See README.md beside this file.
 *
 *   npm run simulate -- [--seeds N] [--from N] [--seed N [--trace] [--shrink FILE]] [--file FILE] [--machines] [--json]
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { addTally, emptyTally, playSeed, type Tally } from './campaign.ts'
import { drawScenario } from './draw.ts'
import { play } from './play.ts'
import { failureReport, replayCommand } from './report.ts'
import { readWorld, writeWorld } from './saved.ts'
import type { Scenario } from './scenario.ts'
import { shrink } from './shrink.ts'

const REPEAT_EVERY = 20
const SEEDS_A_MESSAGE = 10
const MOST_WORKERS = 2
const MOST_REPORTS = 5

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    file: { type: 'string' },
    shrink: { type: 'string' },
    trace: { type: 'boolean', default: false },
    machines: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    worker: { type: 'string' },
  },
})

function whole(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`--${name} is ${JSON.stringify(text)}, expected a whole number`)
}

async function one(scenario: Scenario): Promise<boolean> {
  const verdict = await play(scenario, values.machines)
  if (values.json)
    console.log(JSON.stringify({ ...verdict, trace: values.trace ? verdict.trace : undefined }))
  else if (values.trace) console.log(verdict.trace.join('\n'))
  if (!values.json)
    console.log(
      verdict.violation ? failureReport(verdict, values.machines) : `${verdict.ending}, ${verdict.hash}`,
    )
  if (verdict.violation && values.shrink !== undefined) {
    const small = await shrink(scenario, verdict.violation.invariant)
    const { violation, trace } = await play(small)
    writeWorld(values.shrink, { found: violation?.text, invariant: violation?.invariant, scenario: small })
    console.log(`${values.shrink}: ${small.script.length} actions\n${trace.join('\n')}`)
  }
  return verdict.violation === undefined
}

/** A worker plays every n-th seed and sends tallies. */
async function work(first: number, end: number, stride: number): Promise<void> {
  // Worlds are full of errors, and a sixth of the time would go into their stacks. A single seed shows them.
  Error.stackTraceLimit = 0
  let tally = emptyTally()
  for (let seed = first; seed < end; seed += stride) {
    addTally(tally, await playSeed(seed, REPEAT_EVERY, values.machines))
    if (tally.seeds < SEEDS_A_MESSAGE) continue
    process.send?.(tally)
    tally = emptyTally()
  }
  process.send?.(tally)
  process.disconnect?.()
}

async function spread(from: number, end: number, onTally: (tally: Tally) => void): Promise<void> {
  const workers = Math.max(1, Math.min(MOST_WORKERS, availableParallelism(), end - from))
  const passed = values.machines ? ['--machines'] : []
  await Promise.all(
    Array.from({ length: workers }, (_, index) => {
      const slice = `${from + index}:${end}:${workers}`
      const child = fork(import.meta.filename, ['--worker', slice, ...passed], {
        execArgv: ['--conditions=source'],
      })
      child.on('message', message => onTally(message as Tally))
      return new Promise<void>((resolve, reject) => {
        child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))))
      })
    }),
  )
}

async function many(from: number, count: number): Promise<boolean> {
  const sum = emptyTally()
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1_000
  await spread(from, from + count, tally => {
    addTally(sum, tally)
    for (const failure of values.json ? [] : tally.failures) {
      if (sum.failures.indexOf(failure) < MOST_REPORTS)
        console.log(`\n${failureReport(failure, values.machines)}`)
    }
    if (process.stdout.isTTY && !values.json)
      process.stdout.write(
        `\r${sum.seeds} of ${count} seeds, ${seconds().toFixed(0)} s, ${sum.failures.length} failed `,
      )
  })
  const { failures, ...counts } = sum
  const failed = failures.map(({ seed, violation }) => ({
    seed,
    ...violation,
    again: replayCommand(seed, values.machines),
  }))
  if (values.json) console.log(JSON.stringify({ from, ...counts, seconds: seconds(), failed }))
  else console.log(`\n${summary(sum, seconds())}`)
  return failures.length === 0
}

function summary(
  { seeds, repeated, steps, lines, lives, simulatedMs, endings, failures }: Tally,
  seconds: number,
): string {
  const hours = (simulatedMs / 3_600_000).toFixed(1)
  const ends = Object.entries(endings).map(([ending, count]) => `${ending} ${count}`)
  const broken = failures.map(({ seed, violation }) => `  seed ${seed}: ${violation?.invariant}`)
  return [
    `${seeds} seeds in ${seconds.toFixed(1)} s: ${hours} simulated hours, ${steps} steps, ${lives} lives, ${lines} lines of trace`,
    `how they ended: ${ends.join(', ')}; ${repeated} ran twice, to the same trace`,
    `${failures.length} broke a promise`,
    ...broken,
  ].join('\n')
}

async function main(): Promise<boolean> {
  if (values.worker !== undefined) {
    const [first = 0, end = 0, stride = 1] = values.worker.split(':').map(Number)
    await work(first, end, stride)
    return true
  }
  if (values.file !== undefined) return one(readWorld(values.file).scenario)
  if (values.seed !== undefined) return one(drawScenario(whole('seed', values.seed)))
  return many(whole('from', values.from), whole('seeds', values.seeds))
}

process.exitCode = (await main()) ? 0 : 1
