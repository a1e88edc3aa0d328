import type { Script, Step, Tree } from './tree-script.ts'

const MOST_TRIES = 2_000

/** Simpler orders than the one that was found, for trees from which something was taken. */
const FEW_ORDERS = 8

/** A tree, and the seed of the order in which it is played. */
export interface Case {
  readonly tree: Tree
  readonly order: number
}

/** The same with one step less, or with what stands inside of it in its place. No script becomes empty: each task has something to do. */
function* smaller(script: Script): Generator<Script> {
  for (const [index, step] of script.entries()) {
    if (script.length > 1) yield script.toSpliced(index, 1)
    if ('body' in step) yield script.toSpliced(index, 1, ...step.body)
    for (const simpler of simplerSteps(step)) yield script.with(index, simpler)
  }
}

function* simplerSteps(step: Step): Generator<Step> {
  if ('limits' in step && step.do !== 'failAfter' && Object.keys(step.limits).length > 0)
    yield { ...step, limits: {} }
  if ('ms' in step && step.ms !== 0) yield { ...step, ms: 0 }
  if ('target' in step && step.target > 0) yield { ...step, target: step.target >> 1 }
  if (step.do === 'finally') for (const after of smaller(step.after)) yield { ...step, after }
  if ('body' in step) for (const body of smaller(step.body)) yield { ...step, body }
}

function* smallerTrees(tree: Tree): Generator<Tree> {
  if (tree.abortAfter < Infinity) yield { ...tree, abortAfter: Infinity }
  for (const script of smaller(tree.script)) yield { ...tree, script }
}

/** Takes away from a tree all that its failure does not need. */
export async function shrunk(found: Case, fails: (one: Case) => Promise<boolean>): Promise<Case> {
  let least = found
  let tries = 0
  const simpler = async (): Promise<Case | undefined> => {
    for (const tree of smallerTrees(least.tree))
      for (const order of [least.order, ...Array.from({ length: FEW_ORDERS }, (_, index) => index)]) {
        tries += 1
        if (tries > MOST_TRIES) return undefined
        if (await fails({ tree, order })) return { tree, order }
      }
    return undefined
  }
  for (let next = await simpler(); next; next = await simpler()) least = next
  return least
}
