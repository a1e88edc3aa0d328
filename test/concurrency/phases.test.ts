import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import { type Phase, type PhaseReport, runPhases } from '../../src/concurrency/phases.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

const INFINITE = Number.POSITIVE_INFINITY

function phase(name: string, after: readonly string[] = [], more: Partial<Phase> = {}): Phase {
  return { name, after, limit: INFINITE, run: () => undefined, ...more }
}

/** A phase that takes so long, and says when it begins and ends. */
function timed(
  clock: VirtualClock,
  seen: string[],
  name: string,
  ms: number,
  after: readonly string[] = [],
): Phase {
  const run = () =>
    new Promise<void>(resolve => {
      seen.push(`${clock.now()} ${name}`)
      clock.setTimeout(resolve, ms)
    })
  return phase(name, after, { run })
}

async function played(
  clock: VirtualClock,
  phases: readonly Phase[],
  ms: number,
): Promise<readonly PhaseReport[]> {
  const running = runPhases(phases, { clock })
  await clock.advance(ms)
  return running
}

describe('the phases of an orderly end', () => {
  it('begin as soon as those before them are over, independent ones side by side', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    const phases = [
      timed(clock, seen, 'flush', 1, ['close']),
      timed(clock, seen, 'close', 10, ['drain', 'withdraw']),
      timed(clock, seen, 'withdraw', 100),
      timed(clock, seen, 'drain', 300),
    ]
    const reports = await played(clock, phases, 1_000)
    expect(seen).toEqual(['0 withdraw', '0 drain', '300 close', '310 flush'])
    expect(reports).toStrictEqual([
      { name: 'withdraw', outcome: 'done', took: 100 },
      { name: 'drain', outcome: 'done', took: 300 },
      { name: 'close', outcome: 'done', took: 10 },
      { name: 'flush', outcome: 'done', took: 1 },
    ])
    expect(clock.pending).toBe(0)
  })

  it('are left behind when their time is over, with a signal that says so', async () => {
    const clock = new VirtualClock()
    let told: unknown
    const endless = phase('drain', [], {
      limit: 500,
      run: signal => {
        signal.addEventListener('abort', () => {
          told = signal.reason
        })
        return deferred<void>().promise
      },
    })
    const reports = await played(clock, [endless, phase('close', ['drain'])], 500)
    expect(reports.map(({ name, outcome, took }) => [name, outcome, took])).toEqual([
      ['drain', 'late', 500],
      ['close', 'done', 0],
    ])
    expect(told).toMatchObject({ code: 'EXO_DEADLINE_EXCEEDED' })
    expect(reports[0]?.error).toBe(told)
    expect(clock.pending).toBe(0)
  })

  it('hold nobody up when they fail', async () => {
    const clock = new VirtualClock()
    const fault = new Error('disk full')
    const failing = phase('flush', [], {
      run: () => {
        throw fault
      },
    })
    const reports = await played(clock, [failing, phase('last', ['flush'])], 0)
    expect(reports).toEqual([
      { name: 'flush', outcome: 'failed', took: 0, error: fault },
      { name: 'last', outcome: 'done', took: 0 },
    ])
  })

  it('are told of as they begin and as they are over', async () => {
    const clock = new VirtualClock()
    const told: unknown[] = []
    await runPhases([phase('a'), phase('b', ['a'])], { clock, onPhase: event => told.push(event) })
    expect(told).toEqual([
      { name: 'a' },
      { name: 'a', report: { name: 'a', outcome: 'done', took: 0 } },
      { name: 'b' },
      { name: 'b', report: { name: 'b', outcome: 'done', took: 0 } },
    ])
  })

  it.each([
    ['a name that comes twice', [phase('a'), phase('a')], 'the phase a is there twice'],
    ['a phase after one that is not there', [phase('a', ['b'])], 'the phase a is after b, expected one of a'],
    [
      'phases that wait for each other',
      [phase('a', ['b']), phase('b', ['a'])],
      'the phases a, b wait for each other',
    ],
  ])('refuse %s, and run nothing then', async (_, phases, message) => {
    const ran: string[] = []
    const all = phases.map(one => ({ ...one, run: () => ran.push(one.name) }))
    await expect(runPhases(all, { clock: new VirtualClock() })).rejects.toMatchObject({
      code: 'EXO_OPTION_INVALID',
      message,
    })
    expect(ran).toEqual([])
  })
})
