import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../../src/errors.ts'
import { createLogger } from '../../../src/observe/logger.ts'
import { otp, worker } from './world.ts'

/** No line of supervision is longer, whatever it tells of. */
const LONGEST = 64_000

/** A tree whose log goes through the real logger, line by line. */
async function logged() {
  const lines: string[] = []
  const clock = new VirtualClock()
  const log = createLogger({ level: 'debug', to: { write: (line: string) => void lines.push(line) } })
  const all = [worker('child1'), worker('child2\nof two lines')]
  const world = await otp('one_for_one', 10, 3600, all, { clock, log })
  const told = (event: string) => lines.map(line => JSON.parse(line)).filter(each => each.event === event)
  return { ...world, lines, told, advance: () => clock.advance(1_000) }
}

/** Far too much of everything: text, depth, breadth, and causes without end. */
function boundless(depth: number): ExovisorError {
  const wide = Object.fromEntries(
    Array.from({ length: 1_000 }, (_, index) => [`key${index}`, 'x'.repeat(1_000)]),
  )
  const deep = Array.from({ length: depth }).reduce<object>(inner => ({ inner, wide }), {})
  const cause = Array.from({ length: depth }).reduce<Error>(
    inner => new Error('cause '.repeat(10_000), { cause: inner }),
    new Error('root'),
  )
  return new ExovisorError('EXO_RESOURCE_FAILED', 'failed '.repeat(10_000), {
    cause,
    details: { deep, wide },
  })
}

describe('the log', () => {
  it('format_log_1 — what is told of a failure is bounded in length and depth, however long and deep the failure is', async () => {
    const { root, lines, told, advance } = await logged()
    root.ref('child1').fail(boundless(100))
    await advance()
    await root.close()
    expect(told('failed')).toHaveLength(1)
    for (const line of lines) expect(line.length).toBeLessThan(LONGEST)
    const [{ error, causes, msg }] = told('failed')
    expect([error.message.length, msg.length < 2_100, causes.length <= 8]).toEqual([2_000, true, true])
    expect(JSON.stringify(error.details).length).toBeLessThan(20_000)
    expect(error.details.deep.inner.inner).toBe('[object Object]')
  })

  it('format_log_2 — each event is a single line, whatever line ends the names and messages have, and says who and why', async () => {
    const { root, lines, told, advance } = await logged()
    root.ref('child2\nof two lines').fail(new Error('first line\nsecond line\r\n\u2028third line'))
    await advance()
    await root.close()
    for (const line of lines) {
      expect(line.endsWith('\n')).toBe(true)
      expect(line.slice(0, -1)).not.toMatch(/[\n\r]/)
    }
    expect(told('failed')).toMatchObject([
      { level: 'warn', supervisor: 'root', name: 'child2\nof two lines', kind: 'worker', incarnation: 1 },
    ])
    const reports = [
      'started',
      'ready',
      'failed',
      'child_terminated',
      'backoff_scheduled',
      'restarted',
      'stopped',
    ]
    for (const report of reports) expect(told(report).length, report).toBeGreaterThan(0)
  })
})
