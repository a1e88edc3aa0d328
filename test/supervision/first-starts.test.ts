import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/concurrency/deferred.ts'
import type { Child } from '../../src/supervision/child.ts'
import { DependencyGraph } from '../../src/supervision/dependency-graph.ts'
import { startInWaves, stopOrder } from '../../src/supervision/first-starts.ts'

/** Children of whom only the names and the order of their start matter. */
function family(after: Readonly<Record<string, readonly string[]>>) {
  const dependencies = new DependencyGraph()
  for (const [id, ids] of Object.entries(after))
    dependencies.set({ id, ...(ids.length > 0 && { after: ids }) })
  const children = Object.keys(after).map(id => ({ id })) as unknown as readonly Child[]
  return { dependencies, children }
}

const ids = (children: readonly Child[]): readonly string[] => children.map(({ id }) => id)

describe('a start in waves', () => {
  it('starts nobody after the first failure, also one whose turn comes in the same moment', async () => {
    const { children, dependencies } = family({ lost: [], slow: [], late: ['slow'] })
    const ends = new Map(ids(children).map(id => [id, deferred<void>()]))
    const begun: string[] = []
    const started = startInWaves(children, dependencies, ({ id }) => {
      begun.push(id)
      return ends.get(id)?.promise ?? Promise.resolve()
    })
    ends.get('lost')?.reject(new Error('broken'))
    ends.get('slow')?.resolve()
    await expect(started).rejects.toThrow('broken')
    await new Promise(resolve => setImmediate(resolve))
    expect(begun).toEqual(['lost', 'slow'])
  })
})

describe('the order of stops', () => {
  const orderOf = (after: Readonly<Record<string, readonly string[]>>): readonly string[] => {
    const { children, dependencies } = family(after)
    return ids(stopOrder(children, dependencies))
  }

  it('is the reverse of the order of starts where nothing orders the children', () => {
    expect(orderOf({ a: [], b: [], c: [] })).toEqual(['c', 'b', 'a'])
  })

  it('stops each child after all that come after it, also when they were started before it', () => {
    expect(orderOf({ a: ['c'], b: [], c: [] })).toEqual(['a', 'c', 'b'])
    expect(orderOf({ a: ['d'], b: ['c', 'd'], c: ['d'], d: [] })).toEqual(['b', 'c', 'a', 'd'])
  })
})
