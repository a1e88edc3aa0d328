import { callAll } from './faulty-run.ts'
import type { Greeter } from './greeter.ts'

/** How fast the second of two clients is, the first one being 1, without faults. */
export interface SpeedResult {
  readonly rounds: number
  /** Calls per second, by the clock of the wall. */
  readonly wall: Ratio
  /** Calls per second of processor time of this process, which no other process disturbs. */
  readonly cpu: Ratio
  /** The medians of both clients. */
  readonly callsPerSecond: readonly [first: number, second: number]
  readonly cpuMicrosPerCall: readonly [first: number, second: number]
}

/** A median, and the interval that holds the true one with a probability of 99 %, whatever the distribution is. */
export interface Ratio {
  readonly median: number
  readonly low: number
  readonly high: number
}

const CALLS_A_ROUND = 40
const WARM_UP_CALLS = 6_000
const LEAST_ROUNDS = 10
const LONGEST = 4

interface Times {
  readonly wall: number
  readonly cpu: number
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b)
const at = (values: readonly number[], index: number) => values[index] ?? Number.NaN
const median = (values: readonly number[]) => at(sorted(values), Math.floor(values.length / 2))

/** By the sign test: how many of the rounds lie below the true median is binomial, so that ranks bound it. */
function ratioOf(values: readonly number[]): Ratio {
  const order = sorted(values)
  const reach = (2.576 * Math.sqrt(values.length)) / 2
  const low = at(order, Math.max(0, Math.floor(values.length / 2 - reach)))
  const high = at(order, Math.min(values.length - 1, Math.ceil(values.length / 2 + reach)))
  return { median: median(values), low, high }
}

async function timed(client: Greeter, callers: number): Promise<Times> {
  const cpuBefore = process.cpuUsage()
  const before = performance.now()
  const succeeded = await callAll(client, CALLS_A_ROUND, callers)
  const wall = (performance.now() - before) * 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  if (succeeded !== CALLS_A_ROUND) throw new Error('a call without faults has failed')
  return { wall, cpu: user + system }
}

/**
 * Lets both clients call in turns, so that whatever else the machine does meets both, until the time is over; and up to four times as long
 * while the interval does not tell on which side of `bound` the true ratio is.
 */
export async function speedRun(
  first: Greeter,
  second: Greeter,
  { callers, forMs, bound }: { readonly callers: number; readonly forMs: number; readonly bound: number },
): Promise<SpeedResult> {
  for (const client of [first, second, first, second]) await callAll(client, WARM_UP_CALLS / 2, callers)
  const rounds: (readonly [Times, Times])[] = []
  const ratios = (what: keyof Times) => ratioOf(rounds.map(([a, b]) => a[what] / b[what]))
  const begun = performance.now()
  const isClear = () => {
    const { low, high } = ratios('wall')
    return low >= bound || high < bound
  }
  const goesOn = (ms: number) =>
    rounds.length < LEAST_ROUNDS || ms < forMs || (ms < LONGEST * forMs && !isClear())
  while (goesOn(performance.now() - begun)) {
    // Who comes second in a round finds warmer caches, and the garbage of the other.
    if (rounds.length % 2 === 0) rounds.push([await timed(first, callers), await timed(second, callers)])
    else {
      const secondTimes = await timed(second, callers)
      rounds.push([await timed(first, callers), secondTimes])
    }
  }
  const micros = (what: keyof Times, which: 0 | 1) =>
    median(rounds.map(round => round[which][what])) / CALLS_A_ROUND
  return {
    rounds: rounds.length,
    wall: ratios('wall'),
    cpu: ratios('cpu'),
    callsPerSecond: [1e6 / micros('wall', 0), 1e6 / micros('wall', 1)],
    cpuMicrosPerCall: [micros('cpu', 0), micros('cpu', 1)],
  }
}
