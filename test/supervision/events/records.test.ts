import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { createJournal } from '../../../src/observe/journal.ts'
import { createLogger } from '../../../src/observe/logger.ts'
import { EventStream } from '../../../src/supervision/events/stream.ts'
import type { SupervisionRecord } from '../../../src/supervision/types.ts'
import { grow, kid } from '../tree.ts'

/** A tree with a real logger and a real journal, both fed by one stream. */
async function observed(...children: readonly ReturnType<typeof kid>[]) {
  const clock = new VirtualClock()
  const lines: string[] = []
  const log = createLogger({ level: 'debug', to: { write: (line: string) => void lines.push(line) } })
  const events = new EventStream({ clock, log })
  const journal = createJournal<SupervisionRecord>({ now: () => clock.now() })
  events.subscribe(record => void journal.write(record))
  const grown = await grow(
    children.map(({ spec }) => spec),
    { clock, log, events },
  )
  /** The lines without what the log adds, and with `event` called `type` again. */
  const logged = () =>
    lines
      .map(line => JSON.parse(line))
      .filter(line => 'event' in line)
      .map(({ level: _, time: __, pid: ___, msg: ____, resource: _____, event: type, ...facts }) => ({
        type,
        ...facts,
      }))
  const journaled = () => journal.last(10_000).map(({ event }) => event)
  return { ...grown, logged, journaled, lines, stream: events }
}

describe('the log and the journal', () => {
  it('tell the same facts of a failure, its causes included', async () => {
    const { root, clock, logged, journaled, lines } = await observed(kid('a'), kid('b'))
    await clock.advance(10)
    const socket = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    root.ref('a').fail(new Error('lost', { cause: socket }))
    await clock.advance(100)
    root.ref('b').degrade('slow')
    await clock.advance(1_000)
    await root.stop('b')
    root.ref('b').tell('x')
    await root.close()
    const story = journaled().map(record => {
      if (record.type === 'summary') return 'summary'
      const { type, name, incarnation, at, causes } = record
      const why = causes
        ? ` because ${causes.map(({ code = '', message }) => code + message).join(' <- ')}`
        : ''
      return `${at} ${type} ${name}#${incarnation}${why}`
    })
    expect(story).toEqual([
      '0 started a#1',
      '0 ready a#1',
      '0 started b#1',
      '0 ready b#1',
      '10 failed a#1 because lost <- ECONNREFUSEDconnect ECONNREFUSED',
      '10 child_terminated a#1 because lost <- ECONNREFUSEDconnect ECONNREFUSED',
      '10 backoff_scheduled a#1',
      '110 started a#2',
      '110 ready a#2',
      '110 restarted a#2',
      '110 degraded b#1 because slow',
      expect.stringContaining('1110 failed b#1 because'),
      expect.stringContaining('1110 child_terminated b#1 because'),
      '1110 backoff_scheduled b#1',
      '1110 stopped b#1',
      '1110 dead_letter b#1',
      '1110 child_terminated a#2',
      '1110 stopped a#2',
    ])
    expect(logged()).toEqual(journaled())
    expect(lines.join('')).toContain('scripted \\"a\\" failed: scripted \\"a\\" failed: lost')
  })

  it('tell the same of a thousand children that fail at once, in a few lines, while listeners hear of each', async () => {
    const kids = Array.from({ length: 1_000 }, (_, index) => kid(`a${index}`))
    const { root, clock, logged, journaled, events, stream } = await observed(...kids)
    await clock.advance(1_000)
    const before = journaled().length
    for (const { id } of kids) root.ref(id).fail(new Error('lost'))
    await clock.advance(1_000)
    expect(events.filter(({ type }) => type === 'failed')).toHaveLength(1_000)
    const told = journaled().slice(before)
    const ofFailed = told.filter(record => record.type === 'summary' && record.of === 'failed')
    expect(ofFailed).toMatchObject([
      {
        supervisor: 'root',
        count: 980,
        errors: [{ code: 'EXO_RESOURCE_FAILED', message: 'lost', count: 980 }],
        first: 'a20',
        last: 'a999',
      },
    ])
    expect(told.length).toBeLessThan(200)
    const closing = root.close()
    await clock.advance(0)
    await closing
    expect(clock.pending).toBe(0)
    expect(logged()).toEqual(journaled())
    expect(stream.last(3)).toEqual(journaled().slice(-3))
  })

  it('for people show the causes as one text', async () => {
    const lines: string[] = []
    const log = createLogger({
      format: 'pretty',
      colour: false,
      to: { write: (line: string) => void lines.push(line) },
    })
    const { root } = await grow([kid('a').spec], { log })
    root.ref('a').fail(new Error('lost', { cause: new Error('cable') }))
    await root.close()
    const line = lines.find(each => each.includes('"a" failed'))
    expect(line).toContain('"causes":"lost, because: cable"')
  })
})
