import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { EventGrouping } from '../../../src/supervision/events/grouping.ts'
import { EventStream } from '../../../src/supervision/events/stream.ts'
import type { SupervisionEvent, SupervisionRecord } from '../../../src/supervision/events/types.ts'
import { anEvent, keepingLog } from './event.ts'

function world() {
  const clock = new VirtualClock()
  const kept = keepingLog()
  const stream = new EventStream({ clock, log: kept.log })
  const records: SupervisionRecord[] = []
  stream.subscribe(record => void records.push(record))
  const publish = (changes: Partial<SupervisionEvent> = {}) =>
    stream.publish(anEvent({ at: clock.now(), ...changes }))
  const burst = (count: number, changes: Partial<SupervisionEvent> = {}) => {
    for (let index = 0; index < count; index += 1) publish({ name: `a${index}`, ...changes })
  }
  const summaries = () => records.flatMap(record => (record.type === 'summary' ? [record] : []))
  return { clock, stream, records, publish, burst, summaries, ...kept }
}

describe('many events at once', () => {
  it('are told one by one up to the 20th, and the rest in one summary when it has been quiet', async () => {
    const { clock, burst, records, summaries, messages } = world()
    burst(20)
    expect(clock.pending, 'no timer for a few events').toBe(0)
    burst(980, { error: { code: 'EXO_RESOURCE_FAILED', message: 'thing "a" failed: lost' } })
    expect(records).toHaveLength(20)
    expect(clock.pending).toBe(1)
    await clock.advance(99)
    expect(records).toHaveLength(20)
    await clock.advance(1)
    expect(clock.pending).toBe(0)
    expect(records).toHaveLength(21)
    expect(summaries()).toEqual([
      {
        type: 'summary',
        of: 'failed',
        at: 100,
        since: 0,
        supervisor: 'root',
        count: 980,
        errors: expect.any(Array),
        first: 'a0',
        last: 'a979',
      },
    ])
    expect(messages().at(-1)).toMatch(/^warn supervisor "root": 980 more failed, "a0" to "a979"; /)
    expect(messages()).toHaveLength(21)
  })

  it('are counted by their root cause, the five most frequent, whatever the children are called', async () => {
    const { clock, burst, publish, summaries } = world()
    burst(20)
    for (let index = 0; index < 60; index += 1) {
      const name = `a${index}`
      const code = 'EXO_RESOURCE_FAILED'
      const message = `thing "${name}" did not answer`
      const causes =
        index % 3 === 0 ? undefined : [{ message: `near ${index}` }, { message: `root ${index % 7}` }]
      publish({ name, error: { code, message }, ...(causes && { causes }) })
    }
    await clock.advance(100)
    expect(summaries()[0]?.errors).toEqual([
      { code: 'EXO_RESOURCE_FAILED', message: 'thing did not answer', count: 20 },
      ...[1, 2, 4, 0].map(root => ({ code: 'EXO_RESOURCE_FAILED', message: `root ${root}`, count: 6 })),
    ])
  })

  it('are counted by the last of their causes, up to 64 kinds, and with no errors at all', async () => {
    const { clock, burst, publish, summaries } = world()
    const fail = (root: string) =>
      publish({
        error: { code: 'EXO_RESOURCE_FAILED', message: 'failed' },
        causes: [{ message: 'near' }, { message: 'further' }, { message: root }],
      })
    burst(21, { type: 'started' })
    burst(20)
    for (let kind = 1; kind <= 63; kind += 1) fail(`root ${kind}`)
    for (const times of [2, 1]) for (let time = 0; time < times; time += 1) fail('root 64')
    for (let time = 0; time < 10; time += 1) fail('one kind too many')
    await clock.advance(100)
    expect(
      summaries().map(({ errors }) => errors.map(({ message, count }) => `${message}: ${count}`)),
    ).toEqual([[], ['root 64: 3', 'root 1: 1', 'root 2: 1', 'root 3: 1', 'root 4: 1']])
  })

  it('are counted by the message where an error is its own cause, which leaves no causes', async () => {
    const { clock, burst, summaries } = world()
    burst(20)
    burst(2, { error: { code: 'EXO_RESOURCE_FAILED', message: 'lost' }, causes: [] })
    await clock.advance(100)
    expect(summaries()[0]?.errors).toEqual([{ code: 'EXO_RESOURCE_FAILED', message: 'lost', count: 2 }])
  })

  it('are counted anew for each summary', async () => {
    const { clock, burst, summaries } = world()
    for (const message of ['first', 'second']) {
      burst(20)
      burst(3, { error: { code: 'EXO_RESOURCE_FAILED', message } })
      await clock.advance(100)
    }
    expect(summaries().map(({ count, errors }) => [count, errors.map(error => error.message)])).toEqual([
      [3, ['first']],
      [3, ['second']],
    ])
  })

  it('are over after a hundred milliseconds', async () => {
    const { clock, publish, burst, records } = world()
    burst(20)
    await clock.advance(100)
    publish()
    expect(records).toHaveLength(21)
    await clock.advance(99)
    burst(19)
    expect(records).toHaveLength(40)
    publish()
    expect(records).toHaveLength(40)
  })

  it('are grouped for each type and each supervisor by itself', async () => {
    const { clock, burst, records, summaries } = world()
    burst(15)
    burst(15, { type: 'started' })
    burst(15, { supervisor: 'root/sub' })
    expect(records).toHaveLength(45)
    burst(10)
    burst(12, { supervisor: 'root/sub' })
    await clock.advance(100)
    expect(summaries().map(({ of, supervisor, count }) => [of, supervisor, count])).toEqual([
      ['failed', 'root', 5],
      ['failed', 'root/sub', 7],
    ])
  })

  it('that come slowly are all told one by one', async () => {
    const { clock, publish, records, summaries } = world()
    for (let index = 0; index < 200; index += 1) {
      publish()
      await clock.advance(10)
    }
    expect(records).toHaveLength(200)
    expect(summaries()).toEqual([])
  })

  it('that go on and on are summed up every ten seconds and at the end, and then it begins anew', async () => {
    const { clock, publish, records, summaries } = world()
    for (let index = 0; index < 50_000; index += 1) {
      publish()
      if (index % 2 === 1) await clock.advance(1)
    }
    expect(clock.now()).toBe(25_000)
    await clock.advance(100)
    expect(summaries().map(({ at }) => at)).toEqual([10_010, 20_010, 25_099])
    expect(summaries().reduce((sum, { count }) => sum + count, 20)).toBe(50_000)
    publish()
    expect(records.at(-1)?.type).toBe('failed')
    expect(clock.pending).toBe(0)
  })

  it('are summed up at once when the stream is closed, and no timer is left, not even for later ones', async () => {
    const { clock, stream, burst, records, summaries } = world()
    burst(30)
    stream.close()
    expect(summaries()).toMatchObject([{ count: 10 }])
    expect(clock.pending).toBe(0)
    burst(30)
    expect(records).toHaveLength(51)
    expect(clock.pending).toBe(0)
    stream.close()
  })

  it('are not held back by a clock that was set back', async () => {
    const { clock, publish, summaries } = world()
    for (let index = 0; index < 30; index += 1) publish({ at: 1_000_000 })
    publish({ at: 0 })
    expect(summaries()).toMatchObject([{ count: 10 }])
    await clock.advance(200)
    expect(summaries()).toHaveLength(1)
  })

  it('never lose or double one, whatever their times, types and supervisors', async () => {
    const step = fc.record({
      wait: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 150 })),
      times: fc.integer({ min: 1, max: 40 }),
      type: fc.constantFrom('failed' as const, 'started' as const),
      supervisor: fc.constantFrom('root', 'root/sub'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const { clock, burst, records } = world()
        let sent = 0
        for (const { wait, times, type, supervisor } of steps) {
          await clock.advance(wait)
          burst(times, { type, supervisor })
          sent += times
        }
        await clock.advance(100)
        const told = records.reduce((sum, record) => sum + (record.type === 'summary' ? record.count : 1), 0)
        expect(told).toBe(sent)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  it('of many supervisors are all remembered, and forgotten when it has been quiet for long', async () => {
    const clock = new VirtualClock()
    const grouping = new EventGrouping(clock, () => undefined)
    const singly = (supervisor: string) => grouping.admits(anEvent({ at: clock.now(), supervisor }))
    for (let round = 0; round < 20; round += 1) {
      for (let index = 0; index < 1_000; index += 1) singly(`root/${round}/${index}`)
      await clock.advance(1_000)
    }
    expect(grouping.size).toBeLessThanOrEqual(2_048)
    for (let index = 0; index < 5_000; index += 1) singly(`many/${index}`)
    const answers = Array.from({ length: 20 }, () => singly('many/0'))
    expect(answers).toEqual([...Array.from({ length: 19 }, () => true), false])
    grouping.close()
    expect(grouping.size).toBe(0)
  })

  it('of 1,024 supervisors are looked through for those that are over, and then of twice as many as are left', async () => {
    const clock = new VirtualClock()
    const grouping = new EventGrouping(clock, () => undefined)
    const sizes: number[] = []
    const tell = (from: number, to: number) => {
      for (let index = from; index < to; index += 1)
        grouping.admits(anEvent({ at: clock.now(), supervisor: `root/${index}` }))
      sizes.push(grouping.size)
    }
    tell(0, 1_024)
    await clock.advance(99)
    tell(1_024, 1_025)
    await clock.advance(1)
    tell(1_025, 2_048)
    tell(2_048, 2_049)
    await clock.advance(100)
    tell(2_049, 3_072)
    tell(3_072, 4_097)
    expect(sizes).toEqual([1_024, 1_025, 2_048, 1_025, 2_048, 2_048])
  })

  it('are forgotten only after they were summed up, however many others come', () => {
    const clock = new VirtualClock()
    const told: number[] = []
    const grouping = new EventGrouping(clock, ({ count }) => void told.push(count))
    const tell = (at: number, supervisor: string) => grouping.admits(anEvent({ at, supervisor }))
    for (let index = 0; index < 25; index += 1) tell(0, 'root')
    for (let index = 0; index < 1_100; index += 1) tell(1_000, `root/${index}`)
    expect([told, tell(1_000, 'root'), told]).toEqual([[5], true, [5]])
    grouping.close()
    expect(told).toEqual([5])
  })

  it('are counted apart when code or message differ, up to 64 kinds of error', async () => {
    const { clock, burst, summaries } = world()
    const error = (code: 'EXO_PEER_TIMEOUT' | 'EXO_RESOURCE_FAILED', message: string) => ({
      error: { code, message },
    })
    burst(20)
    burst(2, error('EXO_PEER_TIMEOUT', 'late'))
    burst(3, error('EXO_RESOURCE_FAILED', 'late'))
    for (let index = 0; index < 100; index += 1) burst(1, error('EXO_PEER_TIMEOUT', `late ${index}`))
    burst(50, error('EXO_PEER_TIMEOUT', 'late 99'))
    burst(1, error('EXO_PEER_TIMEOUT', 'late 0'))
    await clock.advance(100)
    expect(summaries()[0]).toMatchObject({
      count: 156,
      errors: [
        { code: 'EXO_RESOURCE_FAILED', message: 'late', count: 3 },
        { code: 'EXO_PEER_TIMEOUT', message: 'late', count: 2 },
        { code: 'EXO_PEER_TIMEOUT', message: 'late 0', count: 2 },
        { message: 'late 1', count: 1 },
        { message: 'late 2', count: 1 },
      ],
    })
  })
})
