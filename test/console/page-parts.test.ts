import { describe, expect, it } from 'vitest'
import { machines } from '../../machines/index.ts'
import { treeLines } from '../../src/console/page/actors/actor-tree.ts'
import { arrowsOf } from '../../src/console/page/actors/sequence.ts'
import { duration } from '../../src/console/page/app/units.ts'
import { chartLayout } from '../../src/console/page/chart/chart-layout.ts'
import { activeStates, chartModel, takenEdge } from '../../src/console/page/chart/chart-model.ts'
import { rows } from './page/recorded.ts'

const byPath = new Map(rows.map(row => [row.path, row]))
const all = { search: '', states: new Set<never>(), collapsed: new Set<string>() }

describe('the tree that is drawn', () => {
  it('has every resource below its supervisor, in the order in which they came', () => {
    const lines = treeLines(byPath, all)
    expect(lines.map(line => line.row.path)).toEqual(rows.map(row => row.path))
    expect(lines.map(line => line.depth)).toEqual(rows.map(row => row.path.split('/').length - 1))
  })

  it('hides what is below a folded line, unless something is searched', () => {
    const collapsed = new Set(['node/peers'])
    expect(treeLines(byPath, { ...all, collapsed }).map(line => line.row.path)).not.toContain(
      'node/peers/peer:attic',
    )
    const found = treeLines(byPath, { ...all, collapsed, search: 'ATTIC pool' })
    expect(found.map(line => [line.row.path, line.matches])).toEqual([
      ['node', false],
      ['node/peers', false],
      ['node/peers/peer:attic', false],
      ['node/peers/peer:attic/connections', true],
    ])
  })

  it('shows a resource whose supervisor is not known, instead of losing it', () => {
    const orphan = { ...(rows[1] as (typeof rows)[number]), path: 'gone/one', parent: 'gone' }
    expect(treeLines(new Map([[orphan.path, orphan]]), all)).toHaveLength(1)
  })
})

interface StateNode {
  readonly path: readonly string[]
  readonly transitions: ReadonlyMap<
    string,
    readonly { readonly eventType: string; readonly target?: readonly StateNode[] }[]
  >
}

describe('the statechart that is drawn', () => {
  it.each(Object.entries(machines))(
    'has each state of %s once, inside its parent, and no two beside each other overlap',
    (_, machine) => {
      const model = chartModel(machine.config)
      const { states } = chartLayout(model, () => true)
      expect(states.map(state => state.id).sort()).toEqual(model.states.map(state => state.id).sort())
      for (const state of states) {
        const parent = states.find(one => one.id === state.parent)
        if (parent) {
          expect(state.x).toBeGreaterThanOrEqual(parent.x)
          expect(state.y).toBeGreaterThanOrEqual(parent.y)
          expect(state.x + state.width).toBeLessThanOrEqual(parent.x + parent.width)
          expect(state.y + state.height).toBeLessThanOrEqual(parent.y + parent.height)
        }
        const beside = states.filter(one => one.parent === state.parent && one !== state)
        const overlapping = beside.filter(
          one =>
            one.x < state.x + state.width &&
            state.x < one.x + one.width &&
            one.y < state.y + state.height &&
            state.y < one.y + one.height,
        )
        expect(overlapping.map(one => one.id)).toEqual([])
      }
    },
  )

  it.each(Object.entries(machines))(
    'has every transition of %s that leads to another state',
    (_, machine) => {
      const expected = new Set<string>()
      // XState's own reading of the configuration is the measure.
      const { idMap } = machine as unknown as { readonly idMap: ReadonlyMap<string, StateNode> }
      for (const { path, transitions } of idMap.values())
        for (const { eventType, target = [] } of [...transitions.values()].flat())
          for (const { path: to } of target)
            if (path.length > 0 && to.join('.') !== path.join('.'))
              expected.add(`${path.join('.')} ${eventType} ${to.join('.')}`)
      expect(expected.size).toBeGreaterThan(10)
      const drawn = chartModel(machine.config).edges.flatMap(edge =>
        edge.events.map(event => `${edge.source} ${event} ${edge.target}`),
      )
      expect(new Set(drawn)).toEqual(expected)
    },
  )

  it('lights the edge that a transition took, also from a nested state', () => {
    const model = chartModel(machines['inference']?.config)
    expect(activeStates({ READY: 'idle' })).toEqual(new Set(['READY', 'READY.idle']))
    expect(takenEdge(model, { event: 'fail', from: { READY: 'idle' }, to: 'ERROR' })).toBe('READY→ERROR')
    expect(takenEdge(model, { event: 'close', from: 'ERROR', to: 'CLOSING' })).toBe('ERROR→CLOSING')
    expect(takenEdge(model, { event: 'xstate.error', from: 'READY', to: 'ERROR' })).toBe('READY→ERROR')
    expect(takenEdge(model, { event: 'nothing', from: 'ERROR', to: 'CLOSING' })).toBeUndefined()
  })

  it('stays readable for a configuration that it does not know', () => {
    expect(chartModel(undefined)).toEqual({ states: [], edges: [] })
    expect(
      chartLayout(chartModel({ states: { A: null, B: { on: { x: { target: '#else' } } } } }), () => true)
        .states,
    ).toHaveLength(2)
  })
})

describe('the sequence diagram', () => {
  it('draws an answer back to who asked, and what nobody known sent from outside', () => {
    const line = { time: 1, text: '', path: 'b' }
    const { lanes, arrows } = arrowsOf(
      [
        { ...line, type: 'delivered', from: 'a' },
        { ...line, time: 2, type: 'answered', from: 'a' },
        { ...line, time: 3, type: 'delivered' },
        { ...line, time: 4, type: 'failed' },
        { ...line, time: 5, type: 'delivered', path: 'not chosen' },
      ],
      ['a', 'b'],
    )
    expect(lanes).toEqual(['outside', 'a', 'b'])
    expect(arrows.map(({ from, to }) => [from, to])).toEqual([
      [1, 2],
      [2, 1],
      [0, 2],
      [2, 2],
    ])
  })
})

describe('lengths of time', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [60_000, '1 m'],
    [192_000, '3 m 12 s'],
    [3_600_000, '1 h'],
    [18_120_000, '5 h 2 m'],
    [273_600_000, '3 d 4 h'],
    [-5, '0 ms'],
  ])('writes %d milliseconds as %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})
