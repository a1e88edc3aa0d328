import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { journalFile, parseJournalFile } from '../../../src/observe/view/journal-file.ts'
import type { ActorRow, JournalLine } from '../../../src/observe/view/messages.ts'
import { treeAt } from '../../../src/observe/view/tree-at.ts'
import { scripted } from '../../resources/scripted.ts'
import { kid } from '../../supervision/tree.ts'
import { EPOCH, viewed } from './viewing.ts'

const states = (rows: ReadonlyMap<string, ActorRow>) =>
  Object.fromEntries([...rows.values()].map(({ path, state }) => [path, state]))

const text = (lines: readonly JournalLine[]) =>
  [...journalFile(lines, { node: 'attic', time: EPOCH })].join('')

describe('the journal for time travel', () => {
  async function travelled(options: Parameters<typeof viewed>[1] = {}) {
    const world = await viewed([kid('a').spec, kid('b').spec], options)
    world.view.journal.start()
    return world
  }

  it('gives the tree as it was at any moment', async () => {
    const { root, view, flushed } = await travelled()
    const moments: { sequence: number; tree: object }[] = []
    const note = async () => {
      await flushed()
      const tree = Object.fromEntries(view.rows().map(({ path, state }) => [path, state]))
      moments.push({ sequence: view.journal.sequence, tree })
    }
    await note()
    root.ref('a').degrade('slow')
    await note()
    await root.remove('b')
    await note()
    await root.start(kid('c').typed)
    await root.stop('a')
    await note()
    for (const { sequence, tree } of moments)
      expect(states(treeAt(view.journal.all(), sequence))).toEqual(tree)
    expect(moments[2]?.tree).toEqual({ root: 'READY', 'root/a': 'DEGRADED' })
    view.journal.close()
    await root.close()
  })

  it('holds the decisions of supervisors between the rows, with the time of day', async () => {
    const { root, view, flushed } = await travelled()
    root.ref('a').fail('lost')
    await flushed()
    const events = view.journal.all().map(({ event }) => event)
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({ name: 'a', directive: 'restart' })
    expect(events.find(({ type }) => type === 'restarted')).toMatchObject({ at: EPOCH + 100 })
    view.journal.close()
    await root.close()
  })

  it.each([{ lines: 20 }, { bytes: 12_000 }])(
    'begins with the tree as it was when what is older has made room: %o',
    async journal => {
      const { root, view, flushed } = await travelled({ journal })
      const { definition } = scripted()
      for (let round = 0; round < 40; round += 1) {
        await root.start({ id: `k${round}`, resource: definition, input: {} })
        if (round % 3 === 0) root.ref(`k${round}`).degrade('slow')
        if (round % 4 === 0) await root.remove(`k${round}`)
        await flushed()
      }
      expect(view.journal.dropped).toBeGreaterThan(0)
      const lines = view.journal.all()
      expect(lines.length).toBeLessThan(60)
      const now = Object.fromEntries(view.rows().map(({ path, state }) => [path, state]))
      expect(states(treeAt(lines, view.journal.sequence))).toEqual(now)
      view.journal.close()
      await root.close()
    },
  )

  it('watches nothing before it is started and after it is closed', async () => {
    const { root, registry, view } = await viewed([kid('a').spec])
    expect(registry.isObserved).toBe(false)
    view.journal.start()
    expect(registry.isObserved).toBe(true)
    view.journal.close()
    expect(registry.isObserved).toBe(false)
    await root.close()
  })

  it('tells a viewer what it asks for and what is new, each line once', async () => {
    const { root, view, open, flushed } = await travelled()
    root.ref('a').fail('lost')
    await flushed()
    const { link, session } = open()
    root.ref('b').fail('lost')
    await flushed()
    session.receive({ type: 'journal', after: 0 })
    await flushed()
    root.ref('b').degrade('slow')
    await flushed()
    const told = link.of('journal').flatMap(({ lines }) => lines)
    const again = told.slice(told.findIndex(({ sequence }) => sequence === 0))
    expect(again).toEqual(view.journal.all())
    expect(states(treeAt(again, view.journal.sequence))).toMatchObject({ 'root/b': 'DEGRADED' })
    session.close()
    view.journal.close()
    await root.close()
  })

  it('counts the lines that a viewer was too slow for', async () => {
    const { root, view, clock, open, flushed } = await travelled({ journal: { lines: 10 } })
    const { link, session } = open()
    await flushed()
    link.take()
    link.isFull = true
    const before = view.journal.sequence
    for (let round = 0; round < 30; round += 1) {
      root.suspend('a')
      root.resume('a')
      await clock.advance(60)
    }
    link.isFull = false
    session.drained()
    await flushed()
    const [first] = link.of('journal')
    expect(first?.dropped).toBe((first?.lines[0]?.sequence ?? 0) - before - 1)
    expect(first?.dropped).toBeGreaterThan(20)
    session.close()
    view.journal.close()
    await root.close()
  })
})

const row = fc.record({
  path: fc.string({ minLength: 1 }),
  parent: fc.string(),
  name: fc.string(),
  displayName: fc.string(),
  kind: fc.string(),
  state: fc.constantFrom('READY', 'ERROR', 'CLOSED'),
  incarnation: fc.nat(),
  restarts: fc.nat(),
  since: fc.nat(),
  suspended: fc.boolean(),
})
const rowsEvent = fc.record({
  type: fc.constant('rows'),
  changed: fc.array(row, { maxLength: 4 }),
  removed: fc.array(fc.string(), { maxLength: 4 }),
})
const lines = fc
  .array(fc.tuple(rowsEvent, fc.nat()), { maxLength: 12 })
  .map(all => all.map(([event, time], index) => ({ sequence: index + 1, time, event }) as JournalLine))

describe('a journal file', () => {
  it('gives back what was written', () => {
    fc.assert(
      fc.property(lines, journal => {
        expect(parseJournalFile(text(journal))).toEqual({
          header: {
            format: 'exovisor.journal',
            version: 1,
            node: 'attic',
            time: EPOCH,
            lines: journal.length,
          },
          lines: journal,
        })
      }),
    )
  })

  it('that is cut off anywhere is refused by EXO_JOURNAL_INVALID with the line', () => {
    fc.assert(
      fc.property(lines, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (journal, part) => {
        const whole = text(journal).trimEnd()
        const cut = whole.slice(0, Math.floor(whole.length * part))
        const line = cut.split('\n').length
        const attempt = () => parseJournalFile(cut)
        expect(attempt).toThrow(expect.objectContaining({ code: 'EXO_JOURNAL_INVALID' }))
        expect(attempt).toThrow(new RegExp(`^line (${line}|${line + 1}) of`))
      }),
    )
  })

  const valid = text([{ sequence: 1, time: 2, event: { type: 'rows', changed: [], removed: [] } }])
  const [header = '', line = '', footer = ''] = valid.split('\n')
  const wrong: readonly [string, string, number][] = [
    ['of something else', '{"name":"exovisor"}\n', 1],
    ['that is no text of ours', '\u0000\u0001\u0002', 1],
    ['that is empty', '', 1],
    ['of a later version', [header.replace('"version":1', '"version":2'), line, footer].join('\n'), 1],
    ['with a line that is none', [header, '[]', footer].join('\n'), 2],
    [
      'with rows that are none',
      [header, line.replace('"changed":[]', '"changed":[7]'), footer].join('\n'),
      2,
    ],
    [
      'whose numbers go down',
      [
        header.replace('"lines":1', '"lines":2'),
        line,
        line.replace('"sequence":1', '"sequence":0'),
        footer.replace('"lines":1', '"lines":2'),
      ].join('\n'),
      3,
    ],
    ['with more after its end', `${valid}${line}\n`, 4],
    ['with a line too few', [header, footer].join('\n'), 2],
  ]
  it.each(wrong)('%s is refused, and the line is named', (_, content, at) => {
    const error = expect.objectContaining({ code: 'EXO_JOURNAL_INVALID', details: { line: at } })
    expect(() => parseJournalFile(content)).toThrow(error)
  })
})
