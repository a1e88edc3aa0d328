import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Dependencies, orderCycles, startWaves } from '../../src/supervision/dependencies.ts'
import { DependencyGraph } from '../../src/supervision/dependency-graph.ts'

const ids = ['f', 'b', 'd', 'a', 'e', 'c']
const some = fc.subarray([...ids, 'nobody'], { maxLength: 3 })
const graphs: fc.Arbitrary<readonly Dependencies[]> = fc
  .tuple(...ids.map(() => fc.record({ dependsOn: some, after: some, requires: some }, { requiredKeys: [] })))
  .map(lists => lists.map((lists, index) => ({ ...lists, id: ids[index] ?? '' })))

const graphOf = (children: readonly Dependencies[]): DependencyGraph => {
  const graph = new DependencyGraph()
  for (const child of children) graph.set(child)
  return graph
}

const waitsFor = (graph: readonly Dependencies[], id: string): readonly string[] => {
  const child = graph.find(child => child.id === id)
  return [...(child?.dependsOn ?? []), ...(child?.after ?? [])].filter(
    other => other !== id && other !== 'nobody',
  )
}
const needs = (graph: readonly Dependencies[], id: string): readonly string[] => {
  const child = graph.find(child => child.id === id)
  return [...(child?.dependsOn ?? []), ...(child?.requires ?? [])]
}

describe('the waves of a start', () => {
  it('place each child in the earliest wave after all that it waits for, in the order given', () => {
    fc.assert(
      fc.property(graphs, graph => {
        const waves = startWaves(graph)
        const waveOf = (id: string): number => waves.findIndex(wave => wave.includes(id))
        for (const [index, wave] of waves.entries()) {
          expect(wave).toEqual(ids.filter(id => wave.includes(id)))
          for (const id of wave) {
            const before = waitsFor(graph, id).map(waveOf)
            expect(before).not.toContain(-1)
            expect(index).toBe(Math.max(-1, ...before) + 1)
          }
        }
        expect(new Set(waves.flat()).size).toBe(waves.flat().length)
      }),
      { numRuns: 1_000 },
    )
  })

  it('leave out nobody unless there is a cycle', () => {
    fc.assert(
      fc.property(graphs, graph => {
        const isWhole = startWaves(graph).flat().length === ids.length
        expect(orderCycles(graph).length === 0).toBe(isWhole)
      }),
      { numRuns: 1_000 },
    )
  })

  it('ignore what is required without an order', () => {
    expect(
      startWaves([
        { id: 'a', requires: ['b'] },
        { id: 'b', requires: ['a'] },
      ]),
    ).toEqual([['a', 'b']])
  })

  it('take 20,000 children in a row, or all in one wave', () => {
    const row = Array.from({ length: 20_000 }, (_, at) => ({
      id: `${at}`,
      ...(at > 0 && { dependsOn: [`${at - 1}`] }),
    }))
    expect(startWaves(row)).toHaveLength(20_000)
    expect(graphOf(row).requirersOf('0').size).toBe(19_999)
    expect(startWaves(row.map(({ id }) => ({ id })))).toHaveLength(1)
  })
})

describe('the cycles of an order', () => {
  it('are ways along which each child waits for the next, the last for the first, and share no child', () => {
    fc.assert(
      fc.property(graphs, graph => {
        const cycles = orderCycles(graph)
        for (const cycle of cycles) {
          for (const [index, id] of cycle.entries())
            expect(waitsFor(graph, id)).toContain(cycle[(index + 1) % cycle.length])
        }
        expect(new Set(cycles.flat()).size).toBe(cycles.flat().length)
      }),
      { numRuns: 1_000 },
    )
  })

  it('are all found, and nothing else is left when they are cut', () => {
    fc.assert(
      fc.property(graphs, graph => {
        const cut = new Set(orderCycles(graph).flat())
        expect(orderCycles(graph.filter(({ id }) => !cut.has(id)))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('are told up to a hundred of them', () => {
    const pairs = (count: number): readonly Dependencies[] =>
      Array.from({ length: count }, (_, at) => [
        { id: `a${at}`, after: [`b${at}`] },
        { id: `b${at}`, after: [`a${at}`] },
      ]).flat()
    expect([99, 100, 101].map(count => orderCycles(pairs(count)).length)).toEqual([99, 100, 100])
  })

  it('are told in order, the shortest one where several meet', () => {
    const graph = [
      { id: 'a', dependsOn: ['b'] },
      { id: 'b', after: ['c', 'a'] },
      { id: 'c', dependsOn: ['d'] },
      { id: 'd', after: ['a'] },
      { id: 'waiting', dependsOn: ['d'] },
    ]
    expect(orderCycles(graph)).toEqual([['a', 'b']])
  })
})

describe('those that need a child', () => {
  it('are the closure over what is required, also in a cycle, and not after they are forgotten', () => {
    fc.assert(
      fc.property(graphs, fc.constantFrom(...ids), (graph, start) => {
        let found = new Set([start])
        for (let size = 0; size !== found.size; ) {
          size = found.size
          found = new Set([...found, ...ids.filter(id => needs(graph, id).some(other => found.has(other)))])
        }
        const kept = graphOf(graph)
        found.delete(start)
        expect(kept.requirersOf(start)).toEqual(found)
        for (const { id } of graph) kept.delete(id)
        expect(kept.requirersOf(start).size).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })

  it('are not those that only start after it', () => {
    const graph = [{ id: 'a' }, { id: 'b', after: ['a'] }, { id: 'c', requires: ['a'] }]
    expect([...graphOf(graph).requirersOf('a')]).toEqual(['c'])
    expect(graphOf(graph).requirersOf('nobody').size).toBe(0)
  })
})

describe('what a child says of its siblings', () => {
  it('is ordering by dependsOn and after, and need by dependsOn and requires, each sibling once', () => {
    const graph = graphOf([
      { id: 'a', dependsOn: ['b', 'c'], after: ['c', 'd'], requires: ['b', 'e'] },
      { id: 'later', after: ['a'] },
      { id: 'alone' },
    ])
    expect([graph.before('a'), graph.neededFor('a')]).toEqual([
      ['b', 'c', 'd'],
      ['b', 'c', 'e'],
    ])
    expect([graph.before('later'), graph.neededFor('later')]).toEqual([['a'], []])
    expect([graph.before('alone'), graph.neededFor('alone'), graph.before('nobody')]).toEqual([[], [], []])
  })

  it('holds until it says something else, or nothing any more', () => {
    const changed = graphOf([{ id: 'a', dependsOn: ['b'] }])
    changed.set({ id: 'a', dependsOn: ['c'] })
    const asked = () => [
      changed.before('a'),
      changed.neededFor('a'),
      ...['b', 'c'].map(id => [...changed.requirersOf(id)]),
    ]
    expect(asked()).toEqual([['c'], ['c'], [], ['a']])
    changed.set({ id: 'a' })
    expect(asked()).toEqual([[], [], [], []])
    changed.set({ id: 'a', after: ['c'] })
    changed.delete('a')
    expect(asked()).toEqual([[], [], [], []])
  })
})
