import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChildHistory } from '../../../src/supervision/events/child-history.ts'
import { EventArchive, NO_ROW } from '../../../src/supervision/events/event-archive.ts'
import type { SupervisionEvent } from '../../../src/supervision/events/types.ts'
import { anEvent } from './event.ts'

const error = { code: 'EXO_RESOURCE_FAILED', message: 'lost' } as const
const wordy: Partial<SupervisionEvent> = {
  error,
  causes: [{ message: 'cable' }],
  directive: 'restart',
  reason: 'why',
}

describe('a row of the archive', () => {
  it('gives back what was written, and nothing of what was left out', () => {
    const archive = new EventArchive('root')
    const row = archive.insert(NO_ROW)
    const window = { used: 3, limit: 4, within: 5 }
    const events = [
      anEvent({ ...wordy, at: 1.5, incarnation: 6, attempt: 7, window, delay: 8, count: 9 }),
      anEvent({ type: 'ready' }),
      anEvent({ delay: 0, count: 0 }),
      ...Object.entries(wordy).map(([key, value]) => anEvent({ [key]: value })),
      // Each after one that differs from it in nothing else.
      ...[
        { error: { ...error, message: 'other' } },
        { causes: [] },
        { directive: 'stop' },
        { reason: 'because' },
      ].flatMap(change => [anEvent(wordy), anEvent({ ...wordy, ...change } as Partial<SupervisionEvent>)]),
    ]
    for (const event of events) {
      archive.write(row, event)
      expect(archive.read(row, 'a', 'thing')).toStrictEqual(event)
    }
  })

  it('is a row of its own, also among thousands, and keeps its event when others are written', () => {
    const archive = new EventArchive('root')
    const rows = Array.from({ length: 5_000 }, () => archive.insert(NO_ROW))
    expect(new Set(rows).size).toBe(5_000)
    for (const [at, row] of rows.entries()) archive.write(row, anEvent({ at, reason: `${at}` }))
    const wrong = rows.filter((row, at) => {
      const event = archive.read(row, 'a', 'thing')
      return event.at !== at || event.reason !== `${at}` || archive.after(row) !== row
    })
    expect(wrong).toEqual([])
  })

  it('that was given back is used again before a new one, and says nothing of before', () => {
    const archive = new EventArchive('root')
    const ring = (size: number): readonly number[] => {
      const rows: number[] = []
      for (let index = 0; index < size; index += 1) {
        rows.push(archive.insert(rows.at(-1) ?? NO_ROW))
        archive.write(rows.at(-1) ?? NO_ROW, anEvent(wordy))
      }
      return rows
    }
    const [first, second] = [ring(40), ring(3)]
    archive.release(second.at(-1) ?? NO_ROW)
    archive.release(first.at(-1) ?? NO_ROW)
    const again = Array.from({ length: 43 }, () => archive.insert(NO_ROW))
    expect(again.toSorted((a, b) => a - b)).toEqual([...first, ...second].toSorted((a, b) => a - b))
    for (const row of again) expect(archive.read(row, 'a', 'thing')).not.toHaveProperty('error')
    expect(again).not.toContain(archive.insert(NO_ROW))
  })
})

describe('a history that is cleared', () => {
  it('gives its rows to others, and has none to give when it is cleared again', () => {
    const archive = new EventArchive('root')
    const [first, second] = ['a', 'b'].map(name => new ChildHistory(archive, name, 'thing'))
    first?.clear()
    first?.add(anEvent())
    for (let time = 0; time < 2; time += 1) first?.clear()
    second?.add(anEvent({ name: 'b' }))
    const fresh = new EventArchive('root').insert(NO_ROW)
    expect(archive.read(fresh, 'b', 'thing')).toEqual(second?.events()[0])
    expect(first?.events()).toEqual([])
  })
})

describe('histories in one archive', () => {
  it('are each the last 32 events of their own, whatever is added and cleared', () => {
    const step = fc.record({
      who: fc.nat(2),
      act: fc.oneof({ weight: 6, arbitrary: fc.nat(45) }, fc.constant('clear' as const)),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), steps => {
        const archive = new EventArchive('root')
        const kept = ['a', 'b', 'c'].map(name => ({
          name,
          history: new ChildHistory(archive, name, 'thing'),
        }))
        const expected: SupervisionEvent[][] = [[], [], []]
        let at = 0
        for (const { who, act } of steps) {
          if (act === 'clear') {
            kept[who]?.history.clear()
            expected[who] = []
          } else
            for (let time = 0; time < act; time += 1) {
              at += 1
              const event = anEvent({
                at,
                name: kept[who]?.name ?? '',
                ...(at % 3 === 0 && { reason: `${at}` }),
              })
              kept[who]?.history.add(event)
              expected[who] = [...(expected[who] ?? []), event].slice(-32)
            }
          expect(kept.map(({ history }) => history.events())).toEqual(expected)
        }
      }),
    )
  })
})
