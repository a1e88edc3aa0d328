import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { logRecord } from '../../../src/supervision/events/log.ts'
import { EventStream } from '../../../src/supervision/events/stream.ts'
import type { EventSummary, SupervisionRecord } from '../../../src/supervision/events/types.ts'
import { anEvent, keepingLog } from './event.ts'

const summary = (changes: Partial<EventSummary> = {}): EventSummary => ({
  type: 'summary',
  of: 'gave_up',
  at: 9,
  since: 1,
  supervisor: 'root',
  count: 7,
  errors: [],
  first: 'a',
  last: 'b',
  ...changes,
})

const lineOf = (record: SupervisionRecord) => {
  const { log, messages } = keepingLog()
  logRecord(log, record)
  return messages()
}

describe('a line of the log', () => {
  it('says of an event which child, what happened and why', () => {
    const error = { code: 'EXO_RESOURCE_FAILED', message: 'lost' } as const
    expect(lineOf(anEvent({ type: 'soft_restart' }))).toEqual(['warn thing "a" soft restart'])
    expect(lineOf(anEvent({ type: 'gave_up', error }))).toEqual(['error thing "a" gave up: lost'])
  })

  it('says of a summary how many, of whom and why, as loud as the events that it stands for', () => {
    const errors = [
      { code: 'EXO_RESOURCE_FAILED', message: 'lost', count: 5 },
      { code: 'EXO_PEER_TIMEOUT', message: 'late', count: 2 },
    ]
    expect(lineOf(summary())).toEqual(['error supervisor "root": 7 more gave up, "a" to "b"'])
    expect(lineOf(summary({ of: 'started', last: 'a', errors }))).toEqual([
      'debug supervisor "root": 7 more started, "a"; 5 x EXO_RESOURCE_FAILED: lost, 2 x EXO_PEER_TIMEOUT: late',
    ])
  })

  it('carries the facts of its record, the type as event, and the path of its resource', () => {
    const { log, lines } = keepingLog()
    const { type, ...facts } = anEvent({ delay: 5 })
    logRecord(log, { type, ...facts })
    expect(lines[0]?.facts).toEqual({ event: type, resource: 'root/a', ...facts })
  })

  it('is not made for a level that the log does not have', () => {
    const { log, messages } = keepingLog()
    const quiet = { ...log, isLevelEnabled: (level: string) => level !== 'warn' }
    logRecord(quiet, anEvent())
    logRecord(quiet, anEvent({ type: 'ready' }))
    expect(messages()).toEqual(['info thing "a" ready'])
  })
})

describe('a stream', () => {
  it('shows every event with a count but those of dead letters', () => {
    const { log, messages } = keepingLog()
    const stream = new EventStream({ clock: new VirtualClock(), log })
    for (const type of ['storm_delayed', 'dead_letter'] as const)
      for (let count = 1; count <= 5; count += 1) stream.publish(anEvent({ type, count }))
    expect(messages().filter(line => line.includes('storm delayed'))).toHaveLength(5)
    expect(messages().filter(line => line.includes('dead letter'))).toHaveLength(3)
    expect(stream.last()).toHaveLength(8)
  })

  it('tells the log what a listener threw, and at what', () => {
    const { log, lines } = keepingLog()
    const stream = new EventStream({ clock: new VirtualClock(), log })
    stream.subscribe(() => {
      throw new Error('bad listener')
    })
    stream.publish(anEvent())
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      message: 'a listener for supervision events threw at failed',
      facts: { error: { message: 'bad listener' } },
    })
  })
})

describe('a record that nobody wants', () => {
  it('is remembered all the same, unless it is one of a flood', () => {
    const { log, messages } = keepingLog()
    const stream = new EventStream({
      clock: new VirtualClock(),
      log: { ...log, isLevelEnabled: () => false },
    })
    stream.publish(anEvent())
    for (let count = 1; count <= 5; count += 1) stream.publish(anEvent({ type: 'dead_letter', count }))
    stream.publish(anEvent({ type: 'dead_letter' }))
    expect(stream.last().map(record => (record.type === 'summary' ? 0 : record.count))).toEqual([
      undefined,
      1,
      2,
      4,
      undefined,
    ])
    for (let time = 0; time < 30; time += 1) stream.publish(anEvent({ type: 'ready' }))
    expect(stream.last()).toHaveLength(35)
    expect(messages()).toEqual([])
  })
})
