import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { silentLog } from '../../../src/resources/log.ts'
import type { EventSubject } from '../../../src/supervision/events/event.ts'
import { EventStream } from '../../../src/supervision/events/stream.ts'
import { SupervisorEvents } from '../../../src/supervision/events/supervisor-events.ts'
import type { SupervisionEvent } from '../../../src/supervision/events/types.ts'
import { anEvent, keepingLog } from './event.ts'

function world(log = silentLog) {
  const clock = new VirtualClock()
  const stream = new EventStream({ clock, log })
  const events = new SupervisorEvents({ supervisor: 'root', clock, log, above: stream })
  let looked = 0
  const children = new Map<string, EventSubject>()
  const child = (id: string, attempt = 0): EventSubject => {
    const fill = () => {
      looked += 1
      return { used: 0, limit: 1, within: 1 }
    }
    const record = { attempt: () => attempt, fill }
    const made = children.get(id) ?? { id, ref: { kind: 'thing', incarnation: 1 }, record }
    Object.assign(made, { record })
    children.set(id, made)
    return made
  }
  return { clock, stream, events, child, looked: () => looked }
}

const types = (events: readonly SupervisionEvent[]) => events.map(({ type }) => type)

describe('the history of a child', () => {
  it('begins with the first event beyond started and ready, and then has all', () => {
    const { events, child } = world()
    const a = child('a')
    for (const type of ['started', 'ready'] as const) events.emit(a, { type })
    expect(events.historyOf(child('a'))).toEqual([])
    for (const type of ['failed', 'child_terminated', 'started', 'ready', 'restarted'] as const)
      events.emit(a, { type })
    expect(types(events.historyOf(child('a')))).toEqual([
      'failed',
      'child_terminated',
      'started',
      'ready',
      'restarted',
    ])
    expect(events.historyOf(child('b'))).toEqual([])
  })

  it('is its last 32 events, the children apart, and ends when the child is forgotten', () => {
    const { events, child } = world()
    for (let count = 1; count <= 100; count += 1) {
      events.emit(child('a'), { type: 'soft_restart', count })
      if (count % 50 === 0) events.emit(child('b'), { type: 'soft_restart', count })
    }
    const counts = (id: string) => events.historyOf(child(id)).map(({ count }) => count)
    expect(counts('a')).toEqual(Array.from({ length: 32 }, (_, index) => 69 + index))
    expect(counts('b')).toEqual([50, 100])
    events.forget(child('a'))
    expect(counts('a')).toEqual([])
  })

  it('gives each event again as it was told, however many children come and go', () => {
    const facts = fc.record({
      of: fc.constantFrom('a', 'b', 'c', 'd'),
      forget: fc.integer({ min: 0, max: 20 }).map(dice => dice === 0),
      type: fc.constantFrom('failed', 'backoff_scheduled', 'stopped', 'soft_restart'),
      error: fc.constantFrom(undefined, new Error('one'), new Error('two', { cause: new Error('why') })),
      directive: fc.constantFrom(undefined, 'restart', 'stop'),
      delay: fc.constantFrom(undefined, 0, 0.5, Number.POSITIVE_INFINITY),
      reason: fc.constantFrom(undefined, '', 'because'),
      count: fc.constantFrom(undefined, 0, 7),
    })
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 200, size: 'max' }), steps => {
        const { events, child } = world()
        const told = new Map<string, SupervisionEvent[]>()
        events.subscribe(event => told.get(event.name)?.push(event))
        for (const { of, forget, ...given } of steps) {
          if (forget) events.forget(child(of))
          if (forget || !told.has(of)) told.set(of, [])
          const present = Object.entries(given).filter(([, value]) => value !== undefined)
          events.emit(child(of), Object.fromEntries(present) as never)
        }
        for (const [id, all] of told) expect(events.historyOf(child(id))).toStrictEqual(all.slice(-32))
      }),
      { numRuns: 30 },
    )
  })

  it('is not flooded by dead letters', () => {
    const { events, child } = world()
    events.emit(child('a'), { type: 'failed' })
    for (let count = 1; count <= 10_000; count += 1) events.emit(child('a'), { type: 'dead_letter', count })
    expect(events.historyOf(child('a'))).toHaveLength(15)
    expect(events.historyOf(child('a'))[0]?.type).toBe('failed')
    expect(events.historyOf(child('a')).at(-1)?.count).toBe(8_192)
  })
})

describe('what is told of an error', () => {
  it('is shared by the events that one failure makes, and by no others', () => {
    const { events, child } = world()
    const [lost, late] = [new Error('lost'), new Error('late')]
    for (const error of [lost, lost, late, lost]) events.emit(child('a'), { type: 'failed', error })
    const [first, second, third, last] = events.historyOf(child('a')).map(event => event.error)
    expect([first, second, third, last].map(error => error?.message)).toEqual([
      'lost',
      'lost',
      'late',
      'lost',
    ])
    expect(second).toBe(first)
  })
})

describe('an event that nobody wants', () => {
  it('is not made: a start, a dead letter of a flood', () => {
    const { events, child, looked } = world()
    for (const type of ['started', 'ready'] as const) events.emit(child('a'), { type })
    events.emit(child('a'), { type: 'dead_letter', count: 3 })
    expect(looked()).toBe(0)
    const leave = events.subscribe(() => undefined)
    events.emit(child('a'), { type: 'started' })
    expect(looked()).toBe(1)
    leave()
    events.emit(child('a'), { type: 'started' })
    expect(looked()).toBe(1)
  })

  it('is made for whoever listens: a subscriber above, a journal, a log of that level', () => {
    const quiet = { ...silentLog, isLevelEnabled: (level: string) => level !== 'debug' }
    const { events, stream, child, looked } = world(quiet)
    events.emit(child('a'), { type: 'started' })
    expect(looked()).toBe(0)
    events.emit(child('a'), { type: 'ready' })
    expect(looked()).toBe(1)
    const leave = stream.subscribe(() => undefined)
    events.emit(child('a'), { type: 'started' })
    expect(looked()).toBe(2)
    leave()
    const below = new SupervisorEvents({
      supervisor: 'root/sub',
      clock: new VirtualClock(),
      log: quiet,
      above: events,
    })
    below.emit(child('b'), { type: 'started' })
    expect(looked()).toBe(2)
    events.subscribe(() => undefined)
    below.emit(child('b'), { type: 'started' })
    expect(looked()).toBe(3)
  })
})

describe('a stream of events', () => {
  it('remembers the last thousand records', async () => {
    const { clock, stream } = world()
    for (let index = 0; index < 1_500; index += 1) {
      stream.publish(anEvent({ name: `a${index}`, at: clock.now() }))
      await clock.advance(10)
    }
    expect(stream.last()).toHaveLength(1_000)
    expect(stream.last(2)).toMatchObject([{ name: 'a1498' }, { name: 'a1499' }])
  })

  it('is louder from the third failure in a row on', () => {
    const { log, messages } = keepingLog()
    const { events, child } = world(log)
    for (const attempt of [0, 1, 2, 3]) {
      events.emit(child('a', attempt), { type: 'failed' })
      events.emit(child('a', attempt), { type: 'start_error' })
      events.emit(child('a', attempt), { type: 'backoff_scheduled', delay: 1 })
    }
    const levels = messages().map(line => line.split(' ')[0])
    expect(levels).toEqual([
      'warn',
      'warn',
      'info',
      'warn',
      'warn',
      'info',
      'error',
      'error',
      'info',
      'error',
      'error',
      'info',
    ])
  })

  it('is not disturbed by a listener that throws, or that leaves while it is told', () => {
    const { log, messages } = keepingLog()
    const { stream } = world(log)
    const heard: string[] = []
    const leave = stream.subscribe(() => {
      leave()
      throw new Error('bad listener')
    })
    const same = () => void heard.push('same')
    stream.subscribe(same)
    stream.subscribe(same)
    stream.publish(anEvent())
    stream.publish(anEvent())
    expect(heard).toHaveLength(4)
    expect(messages().filter(line => line.includes('threw at failed'))).toHaveLength(1)
  })
})
