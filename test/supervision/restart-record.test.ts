import { describe, expect, it } from 'vitest'
import {
  type BackoffPolicy,
  defaultPolicy,
  type IntensityPolicy,
  type Policy,
} from '../../src/supervision/policy.ts'
import { RestartRecord } from '../../src/supervision/restart-record.ts'

const policy = (backoff: Partial<BackoffPolicy> = {}, intensity: Partial<IntensityPolicy> = {}): Policy => ({
  ...defaultPolicy,
  backoff: { initial: 100, factor: 2, max: 1_000, jitter: 'none', resetAfter: 5_000, ...backoff },
  intensity: { restarts: 2, within: 1_000, ...intensity },
})
const half = () => 0.5
const delays = (record: RestartRecord, count: number) =>
  Array.from({ length: count }, () => record.next(half))

describe('the restarts in a row', () => {
  it('grow by one with each delay, which grows with them', () => {
    const record = new RestartRecord(policy())
    expect([record.attempt(0), delays(record, 5), record.attempt(0)]).toEqual([
      0,
      [100, 200, 400, 800, 1_000],
      5,
    ])
  })

  it('are forgiven when the child has been READY for as long as its policy says, and not a millisecond before', () => {
    const record = new RestartRecord(policy())
    record.next(half)
    record.becameReady(1_000)
    expect([record.attempt(5_999), record.attempt(6_000)]).toEqual([1, 0])
    expect([record.left(5_999), record.attempt(60_000)]).toEqual([false, 1])
    expect(record.next(half)).toBe(200)
    record.becameReady(10_000)
    expect([record.left(15_000), record.attempt(15_000), record.next(half)]).toEqual([true, 0, 100])
  })

  it('are not forgiven for the time that the child is not READY', () => {
    const record = new RestartRecord(policy())
    record.next(half)
    expect([record.left(60_000), record.attempt(60_000)]).toEqual([false, 1])
    record.becameReady(60_000)
    record.left(60_001)
    expect([record.left(120_000), record.attempt(120_000)]).toEqual([false, 1])
  })

  it('begin anew when somebody restarts the child by hand', () => {
    const record = new RestartRecord(policy())
    delays(record, 3)
    record.forgive()
    expect([record.attempt(0), record.next(half)]).toEqual([0, 100])
  })

  it('lend each delay to the next one where the jitter asks for it', () => {
    const record = new RestartRecord(policy({ jitter: 'decorrelated' }))
    expect(delays(record, 3)).toEqual([200, 350, 575])
  })
})

describe('the budget of restarts', () => {
  const spent = (record: RestartRecord, at: number) => [record.accept(at), record.accept(at)]

  it('is whole before the first restart, and refuses the one after the last until the window has passed', () => {
    const record = new RestartRecord(policy())
    expect([record.allows(0), record.fill(0)]).toEqual([true, { used: 0, limit: 2, within: 1_000 }])
    expect([spent(record, 0), record.allows(1_000), record.accept(1_000)]).toEqual([
      [true, true],
      false,
      false,
    ])
    expect([record.fill(1_000).used, record.allows(1_001), record.fill(1_001).used]).toEqual([2, true, 0])
  })

  it('of no restart allows not even the first', () => {
    const record = new RestartRecord(policy({}, { restarts: 0 }))
    expect([record.allows(0), record.accept(0), record.allows(0)]).toEqual([false, false, false])
  })

  it('is whole again, and the first delay is next, when the circuit is closed', () => {
    const record = new RestartRecord(policy())
    spent(record, 0)
    delays(record, 2)
    record.circuit = 'half_open'
    record.closeCircuit()
    expect([record.circuit, record.allows(0), record.fill(0).used]).toEqual(['closed', true, 0])
    expect([record.attempt(0), record.next(half)]).toEqual([0, 100])
  })

  it('gives a child nothing for the one try of its circuit', () => {
    const record = new RestartRecord(policy())
    record.circuit = 'half_open'
    expect(record.allows(0)).toBe(false)
  })

  it('counts what was spent before when another policy comes, whether it changes the number, the time or neither', () => {
    for (const [intensity, used, allows] of [
      [{ restarts: 3, within: 1_000 }, 2, true],
      [{ restarts: 1, within: 1_000 }, 1, false],
      [{ restarts: 2, within: 5_000 }, 2, false],
      [{ restarts: 2, within: 1_000 }, 2, false],
    ] as const) {
      const record = new RestartRecord(policy())
      spent(record, 0)
      record.adopt(policy({ initial: 7 }, intensity))
      expect(record.fill(1)).toEqual({ used, limit: intensity.restarts, within: intensity.within })
      expect([record.allows(1), record.next(half)]).toEqual([allows, 7])
    }
    const record = new RestartRecord(policy())
    spent(record, 0)
    record.adopt(policy({}, { within: 5_000 }))
    expect([record.allows(5_000), record.allows(5_001)]).toEqual([false, true])
  })

  it('of another policy holds also for a child that was never restarted', () => {
    const record = new RestartRecord(policy())
    record.adopt(policy({}, { restarts: 1 }))
    expect([record.accept(0), record.accept(0)]).toEqual([true, false])
  })
})
