import { inspect } from 'node:util'
import { modelled } from './tree-model.ts'
import { played } from './tree-player.ts'
import { type Case, shrunk } from './tree-shrink.ts'

const SHOWN_BEFORE = 20
const SHOWN_FROM = 3

/** Where what really happens departs from what must; undefined if it does not. */
export async function departure({ tree, order }: Case): Promise<string | undefined> {
  const history = await played(tree, order)
  const real = history.lines
  const due = modelled(tree, history)
  const length = Math.max(real.length, due.length)
  for (let at = 0; at < length; at += 1)
    if (real[at] !== due[at])
      return [
        ...real.slice(Math.max(0, at - SHOWN_BEFORE), at),
        ...real.slice(at, at + SHOWN_FROM).map(line => `  really: ${line}`),
        ...due.slice(at, at + SHOWN_FROM).map(line => `  due:    ${line}`),
      ].join('\n')
  return undefined
}

/** What a person needs to know of a tree that did what it may not, and how to see it again. */
export async function failureReport(seed: number, found: Case): Promise<string> {
  const least = await shrunk(found, async one => (await departure(one)) !== undefined)
  return [
    `the tree of seed ${seed} departs from the definitions; the smallest that does, in the order ${least.order}:`,
    inspect(least.tree, { depth: Infinity, breakLength: 120 }),
    await departure(least),
    `again: TREE_SEED=${seed} npx vitest run test/concurrency/tree.test.ts`,
  ].join('\n')
}
