import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lifecycleStates } from '../../machines/lifecycle.ts'
import { TopState } from '../../src/cli/top-model.ts'
import { plainText, topPicture } from '../../src/cli/top-picture.ts'
import { cut, fitted, width } from '../../src/cli/top-text.ts'
import type { ViewMessage } from '../../src/observe/view/messages.ts'
import { messages, now, row } from './top-messages.ts'

function stateAfter(all: readonly ViewMessage[]): TopState {
  const state = new TopState()
  for (const message of all) state.take(message)
  return state
}

const endless = { columns: Number.POSITIVE_INFINITY, now }

describe('the picture of a node', () => {
  it('shows the node, its figures, the cluster and the tree', () => {
    expect(plainText(topPicture(stateAfter(messages), endless).lines)).toBe(
      `Exovisor 0.1.0   node attic   model builtin   up 2 h   pid 4242
41.3 tokens/s   first token 118 ms   2 running, 1 waiting   2 restarts   event loop 11.0 ms   memory 180 MiB + 310 MiB in 1
nodes   attic here   loft READY 0.8 ms   cellar DEGRADED 212.0 ms
layers  attic 0-4 4.3 ms (planned 4.0) > loft 5-9 (planned 5.5)   epoch 3
7 actors   1 INITIALIZING   5 READY   1 DEGRADED
ACTOR            STATE          RESTARTS    SINCE  KIND         LAST ERROR
node             READY                 0      2 h  supervisor
  server         READY                 0      2 h  server
  peers          READY                 0      2 h  supervisor
    peer:loft    READY                 0    1 min  peer
    peer:cellar  DEGRADED              0     12 s  peer         EXO_PEER_TIMEOUT
  inference      INITIALIZING          2      0 s  inference    EXO_ENGINE_DIED
  api            READY                 0      2 h  server       suspended
`,
    )
  })

  it('fits into a small terminal, and says where in the tree it is', () => {
    const { lines, scroll, page } = topPicture(stateAfter(messages), {
      columns: 40,
      rows: 10,
      scroll: 2,
      now,
    })
    expect(plainText(lines)).toBe(
      `Exovisor 0.1.0   node attic   model bui…
41.3 tokens/s   first token 118 ms   2 …
nodes   attic here   loft READY 0.8 ms …
layers  attic 0-4 4.3 ms (planned 4.0) …
7 actors   1 INITIALIZING   5 READY   1…
ACTOR            STATE            SINCE
  peers          READY              2 h
    peer:loft    READY            1 min
    peer:cellar  DEGRADED          12 s
3-5 of 7   q quit   up down scroll   / …
`,
    )
    expect([scroll, page]).toEqual([2, 3])
  })

  it('is never wider or higher than the terminal, and never holds what a terminal would obey', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 30 })
      .map(text => text.replaceAll('/', '-'))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, fc.constantFrom(...lifecycleStates), name), { maxLength: 12 }),
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 0, max: 50 }),
        name,
        (children, columns, rows, scroll, filter) => {
          const state = stateAfter([
            ...messages.slice(0, 1),
            {
              type: 'rows',
              rows: [
                row('node'),
                ...children.map(([id, at, kind]) => row(`node/${id}`, { state: at, kind })),
              ],
              last: true,
            },
          ])
          for (const isTyping of [true, false]) {
            const { lines } = topPicture(state, { columns, rows, scroll, filter, isTyping, now })
            expect(lines.length).toBeLessThanOrEqual(rows)
            for (const line of lines) {
              const text = line.map(segment => segment.text).join('')
              expect(width(text)).toBeLessThanOrEqual(columns)
              expect(text).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
            }
          }
        },
      ),
    )
  })

  it('shows those that fit a filter with the supervisors above them', () => {
    const view = { ...endless, filter: 'TIMEOUT' }
    const tree = plainText(topPicture(stateAfter(messages), view).lines)
      .split('\n')
      .slice(6, -1)
    expect(tree.map(line => line.trim().split(/\s/)[0])).toEqual(['node', 'peers', 'peer:cellar'])
    const none = plainText(topPicture(stateAfter(messages), { ...view, filter: 'nothing' }).lines)
    expect(none.split('\n').slice(6)).toEqual([''])
  })

  it('follows what changes, what comes and what goes', () => {
    const state = stateAfter([
      ...messages,
      {
        type: 'changes',
        changed: [row('node/inference', { kind: 'inference' }), row('node/new')],
        removed: ['node/peers/peer:cellar'],
      },
    ])
    const text = plainText(topPicture(state, endless).lines)
    expect(text).toContain('7 actors   7 READY')
    expect(text).toMatch(/^ {2}new /m)
    expect(text).not.toContain('peer:cellar  ')
  })

  it('keeps the tree that it has until a new one is whole', () => {
    const state = stateAfter([...messages, messages[0]!, { type: 'rows', rows: [row('node')], last: false }])
    expect(state.rows.size).toBe(7)
    state.take({ type: 'rows', rows: [row('node/only')], last: true })
    expect([...state.rows.keys()]).toEqual(['node', 'node/only'])
  })

  it('shows a tree whose top is missing, and one of ten thousand, without losing any', () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => row(`gone/worker${index}`))
    const state = stateAfter([{ type: 'rows', rows, last: true }])
    const { lines } = topPicture(state, { columns: 80, now })
    expect(lines).toHaveLength(3 + 10_000)
  })

  it('scrolls to the end and no further', () => {
    const state = stateAfter(messages)
    const { lines, scroll } = topPicture(state, {
      columns: 80,
      rows: 10,
      scroll: Number.POSITIVE_INFINITY,
      now,
    })
    expect(scroll).toBe(4)
    expect(plainText(lines)).toContain('5-7 of 7')
  })
})

describe('a text in a terminal', () => {
  it('is cut and filled by the cells that it takes', () => {
    expect([width('abc'), width('漢字'), width('aé')]).toEqual([3, 4, 2])
    expect(cut('漢字漢字', 5)).toBe('漢字…')
    expect(cut('漢字', 4)).toBe('漢字')
    expect([cut('abc', 0), cut('abc', 1), cut('abc', 2)]).toEqual(['', '…', 'a…'])
    expect([fitted('ab', 4), fitted('ab', 4, 'right'), fitted('abcdef', 4)]).toEqual(['ab  ', '  ab', 'abc…'])
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 40 }), (text, cells) => {
        expect(width(fitted(text, cells))).toBe(cells)
      }),
    )
  })
})
