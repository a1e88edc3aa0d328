/**
 * The same gRPC client twice, written by hand and written on resources, against a real service that fails by a seed.
 *
 *     node --conditions=source examples/before-after/main.ts [--seed 1] [--calls 600] [--json]
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type FaultyResult, faultyRun, leakCount } from './faulty-run.ts'
import type { Greeter, GreeterOptions } from './greeter.ts'
import { HandWrittenGreeter } from './hand-written.ts'
import { startService } from './service-process.ts'
import { type Ratio, speedRun } from './speed-run.ts'
import { greeterWithResources } from './with-resources.ts'

const CONNECTIONS = 4
/** Of a service under load: more than there are connections. */
const CALLERS = 16
const ATTEMPT_MS = 150
/** Without faults nothing is to be given up, also on a machine that is busy with something else. */
const PATIENT_ATTEMPT_MS = 10_000
const SPEED_MS = 8_000
const REPORT_MS = 4_000
/** What the service whose speed is checked does for a call: less than one look into a database. */
const WORK_MS = 1
const MOST_LOST = 0.03

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    calls: { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const calls = Number(values.calls)
if (!Number.isSafeInteger(seed) || !(Number.isInteger(calls) && calls > 0))
  throw new Error('--seed takes a whole number, and --calls one of at least 1')

const byHand = async (options: GreeterOptions): Promise<Greeter> => new HandWrittenGreeter(options)

/** Lines with code, neither empty nor comment. */
function linesOfCode(file: string): number {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')
  return text.split('\n').filter(line => line.trim() !== '' && !line.trim().startsWith('//')).length
}

/** One after the other, since they would take the processor from each other. */
async function withEach<Name extends string, From, To>(
  all: Readonly<Record<Name, From>>,
  step: (from: From) => Promise<To>,
): Promise<Record<Name, To>> {
  const done: [string, To][] = []
  for (const [name, from] of Object.entries<From>(all)) done.push([name, await step(from)])
  return Object.fromEntries(done) as Record<Name, To>
}

const service = await startService()
const faulty = (open: typeof byHand) =>
  faultyRun(endpoint => open({ endpoint, connections: CONNECTIONS, attemptMs: ATTEMPT_MS }), service, {
    seed,
    calls,
    callers: CALLERS,
  })
const clients = {
  byHand: { linesOfCode: linesOfCode('hand-written.ts'), ...(await faulty(byHand)) },
  withResources: { linesOfCode: linesOfCode('with-resources.ts'), ...(await faulty(greeterWithResources)) },
}

const speeds = {
  /** Checked: as many callers as connections, and a service that works for a call. */
  working: { callers: CONNECTIONS, workMs: WORK_MS, forMs: SPEED_MS, bound: 1 - MOST_LOST },
  /** A service that answers at once: then a call is nothing but what it costs, and what else the machine does counts as well. */
  idle: { callers: CONNECTIONS, workMs: 0, forMs: REPORT_MS, bound: 0 },
  /** What it costs that a lease is exclusive, where callers outnumber connections. */
  crowded: { callers: CALLERS, workMs: 0, forMs: REPORT_MS, bound: 0 },
} as const
const speed = await withEach(speeds, async ({ workMs, ...how }) => {
  const { proxy: endpoint } = await service.begin(undefined, workMs)
  const patient = { endpoint, connections: CONNECTIONS, attemptMs: PATIENT_ATTEMPT_MS }
  const pair = [await byHand(patient), await greeterWithResources(patient)] as const
  const result = await speedRun(...pair, how)
  for (const client of pair) await client.close()
  return result
})
service.stop()

const misses = [
  ...(clients.withResources.succeeded > clients.byHand.succeeded
    ? []
    : ['the client on resources has not the best success rate']),
  ...(leakCount(clients.withResources.leaks) === 0
    ? []
    : ['the client on resources has left something behind']),
  ...(speed.working.wall.median >= 1 - MOST_LOST
    ? []
    : [`the client on resources has lost more than ${MOST_LOST * 100} % of its calls per second`]),
]

type Row = readonly [what: string, ...columns: readonly string[]]

function printTable(): void {
  const columns: readonly (FaultyResult & { readonly linesOfCode: number })[] = Object.values(clients)
  const row = (what: string, cell: (of: (typeof columns)[number]) => string): Row => [
    what,
    ...columns.map(cell),
  ]
  const rows: readonly Row[] = [
    ['', 'by hand', 'with resources'],
    ['---', '---', '---'],
    row('success rate', of => `${(of.successRate * 100).toFixed(1)} %`),
    row('calls that failed', of => `${of.failed} of ${calls}`),
    row('calls per second', of => of.callsPerSecond.toFixed(0)),
    row('attempts of calls', of => String(of.callAttempts)),
    row('attempts to connect', of => String(of.connectionAttempts)),
    row('calls still under way after close', of => String(of.callsAfterClose)),
    row('leaks', of => String(leakCount(of.leaks))),
    row('lines of code', of => String(of.linesOfCode)),
  ]
  for (const cells of rows) console.log(`| ${cells.map(cell => cell.padEnd(18)).join(' | ')} |`)
}

const ratioText = ({ median, low, high }: Ratio) =>
  `${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`

function printSpeed(name: keyof typeof speeds): void {
  const { callsPerSecond, cpuMicrosPerCall, rounds, wall, cpu } = speed[name]
  const { callers, workMs } = speeds[name]
  const [first, second] = callsPerSecond.map(Math.round)
  const [firstCpu, secondCpu] = cpuMicrosPerCall.map(Math.round)
  console.log(
    `\nwithout faults, ${callers} callers for ${CONNECTIONS} connections, ${workMs} ms of work for a call, ${rounds} rounds in turns, by hand against with resources:`,
  )
  console.log(`  calls per second        ${first} against ${second}: ${ratioText(wall)}`)
  console.log(`  processor us for a call ${firstCpu} against ${secondCpu}: ${ratioText(cpu)}`)
}

if (values.json) console.log(JSON.stringify({ seed, calls, clients, speed, misses }, undefined, 2))
else {
  printTable()
  for (const name of ['working', 'idle', 'crowded'] as const) printSpeed(name)
}
for (const miss of misses) console.error(miss)
if (misses.length > 0) process.exitCode = 1
