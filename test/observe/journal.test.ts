import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createJournal } from '../../src/observe/journal.ts'
import { defineResource } from '../../src/resources/define.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'

const clockwork = () => {
  let time = 1_000
  return () => (time += 1)
}

describe('the journal', () => {
  it('keeps the newest events in order and counts those that made room', () => {
    const journal = createJournal<string>({ capacity: 3, now: clockwork() })
    for (const event of 'abcde') journal.write(event)
    expect(journal.last(10)).toEqual([
      { sequence: 3, time: 1_003, event: 'c' },
      { sequence: 4, time: 1_004, event: 'd' },
      { sequence: 5, time: 1_005, event: 'e' },
    ])
    expect(journal.dropped).toBe(2)
    expect(journal.sequence).toBe(5)
  })

  it('gives what a plain list of everything would give, cut to its capacity', () => {
    const counts = fc.integer({ min: 0, max: 30 })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        counts,
        counts,
        counts,
        (capacity, written, from, count) => {
          const journal = createJournal<number>({ capacity })
          const all = Array.from({ length: written }, (_, index) => index + 1)
          for (const event of all) journal.write(event)
          const kept = all.slice(Math.max(0, written - capacity))
          const events = (entries: readonly { event: number }[]) => entries.map(({ event }) => event)
          expect(events(journal.last(count))).toEqual(count === 0 ? [] : kept.slice(-count))
          expect(events(journal.after(from))).toEqual(kept.filter(event => event > from))
          expect(events(journal.after(from, count))).toEqual(
            kept.filter(event => event > from).slice(0, count),
          )
        },
      ),
    )
  })

  it('tells its listeners in order, until they leave', () => {
    const journal = createJournal<string>()
    const heard: string[] = []
    const listener = ({ event }: { event: string }) => void heard.push(event)
    const leave = journal.subscribe(listener)
    journal.subscribe(listener)
    journal.write('a')
    leave()
    leave()
    journal.write('b')
    expect(heard).toEqual(['a', 'a', 'b'])
  })

  it('is not disturbed by a listener that throws', () => {
    const faults: unknown[] = []
    const journal = createJournal<string>({ onListenerError: error => void faults.push(error) })
    const heard: string[] = []
    journal.subscribe(() => {
      throw new Error('bad listener')
    })
    journal.subscribe(({ event }) => void heard.push(event))
    expect(journal.write('a').sequence).toBe(1)
    expect(heard).toEqual(['a'])
    expect(faults).toHaveLength(1)
  })

  it('refuses a capacity that holds nothing', () => {
    expect(() => createJournal({ capacity: 0 })).toThrow(/capacity of a journal is 0/)
  })

  it('takes the events of a supervisor as they are', async () => {
    const journal = createJournal<SupervisionEvent>()
    const quiet = defineResource<undefined, string>({
      kind: 'quiet',
      machine: lifecycle,
      initialize: async () => 'client',
    })
    const supervisor = await supervise({
      clock: new VirtualClock(),
      children: [{ id: 'one', resource: quiet, input: undefined }],
      onEvent: event => void journal.write(event),
    })
    await supervisor.close()
    const types = journal.last(100).map(({ event }) => event.type)
    expect(types.slice(0, 2)).toEqual(['started', 'ready'])
    expect(types).toContain('child_terminated')
  })
})
