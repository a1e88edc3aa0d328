import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/concurrency/random.ts'
import { played } from './tree-player.ts'
import { departure, failureReport } from './tree-report.ts'
import { randomTree, type Tree } from './tree-script.ts'
import { type Case, shrunk } from './tree-shrink.ts'

const TREES = 10_000
const REPEATED = 300
const ORDERS = 500
const MAX_SEED = 2 ** 31

/** New seeds for each run, unless one is given to see its tree again. */
const base = Number(process.env['TREE_SEED'] ?? Date.now() % MAX_SEED)

/** Another stream for the order than for the tree. */
const caseOf = (seed: number): Case => ({ tree: randomTree(seededRandom(seed)), order: ~seed })

describe('a random tree of tasks, scopes, cancellations, deadlines and shields, in an order that a seed picks', () => {
  it(`does what the definitions say, in ${TREES} trees with seeds from ${base} on, and leaves nothing behind`, async () => {
    let count = 0
    for (let seed = base; seed < base + TREES; seed += 1) {
      const one = caseOf(seed)
      if (await departure(one)) expect.fail(await failureReport(seed, one))
      count += 1
    }
    expect(count).toBe(TREES)
  })

  it(`goes the same way again, with ${REPEATED} seeds from ${base} on`, async () => {
    for (let seed = base; seed < base + REPEATED; seed += 1) {
      const { tree, order } = caseOf(seed)
      const { lines } = await played(tree, order)
      expect((await played(tree, order)).lines, `seed ${seed}`).toEqual(lines)
    }
  })
})

describe('one and the same tree', () => {
  const tree: Tree = {
    abortAfter: 1,
    script: [
      {
        id: 1,
        do: 'group',
        limits: { timeout: 1 },
        body: [
          { id: 2, do: 'spawn', target: 0, body: [{ id: 3, do: 'sleep', ms: 1 }] },
          { id: 4, do: 'spawn', target: 0, body: [{ id: 5, do: 'fail' }] },
          {
            id: 6,
            do: 'scope',
            limits: { signal: true, shield: true, timeout: 1 },
            body: [
              { id: 7, do: 'shield', target: 3, up: false },
              { id: 8, do: 'sleep', ms: 1 },
            ],
          },
        ],
      },
    ],
  }

  it(`goes hundreds of ways and ends in many, each as the definitions say, in ${ORDERS} orders`, async () => {
    const ways = new Set<string>()
    const ends = new Set<string>()
    for (let order = 0; order < ORDERS; order += 1) {
      expect(await departure({ tree, order })).toBeUndefined()
      const { picks, lines } = await played(tree, order)
      ways.add(picks.join())
      ends.add(
        lines
          .filter(line => !line.includes(' of ['))
          .sort()
          .join(),
      )
    }
    expect(ways.size).toBeGreaterThan(200)
    expect(ends.size).toBeGreaterThanOrEqual(10)
  })
})

describe('a tree that fails', () => {
  it('is shown without anything that its failure does not need', async () => {
    const seeds = Array.from({ length: 100 }, (_, seed) => seed)
    const found = seeds.map(caseOf).find(({ tree }) => JSON.stringify(tree).includes('"shield","target"'))
    const raisesOrLowers = async ({ tree }: Case) => JSON.stringify(tree).includes('"shield","target"')
    const { tree } = await shrunk(found!, raisesOrLowers)
    expect(tree.script).toEqual([expect.objectContaining({ do: 'shield', target: 0 })])
    expect(tree.abortAfter).toBe(Infinity)
  })
})
