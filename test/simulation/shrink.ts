import { play } from './play.ts'
import {
  type Action,
  type BranchPlan,
  isBranch,
  type LeafPlan,
  type LifePlan,
  type NodePlan,
  type Scenario,
} from './scenario.ts'

const MOST_PLAYS = 1_500

const plain: LifePlan = {
  start: 'ok',
  startAfter: 0,
  hops: 0,
  heedsAbort: true,
  cleanup: 'ok',
  cleanupAfter: 0,
  recover: 'ok',
  turns: [],
}

function* withoutOneChild(branch: BranchPlan): Generator<BranchPlan> {
  for (const [index, child] of branch.children.entries()) {
    const replaced = (children: readonly NodePlan[]): BranchPlan => ({
      ...branch,
      children: branch.children.toSpliced(index, 1, ...children),
    })
    yield replaced([])
    if (isBranch(child)) for (const simpler of simplerTemplates(child)) yield replaced([simpler])
    if (isBranch(child)) for (const smaller of withoutOneChild(child)) yield replaced([smaller])
    else for (const simpler of simplerLeaves(child)) yield replaced([simpler])
  }
}

function* simplerLeaves(leaf: LeafPlan): Generator<LeafPlan> {
  if (leaf.checksHealth) yield { ...leaf, checksHealth: false }
  if (leaf.recovers) yield { ...leaf, recovers: false }
  if (leaf.lives.length > 0) yield { ...leaf, lives: leaf.lives.slice(0, -1) }
  for (const [index, life] of leaf.lives.entries()) {
    for (const simpler of simplerLives(life)) yield { ...leaf, lives: leaf.lives.with(index, simpler) }
  }
}

function* simplerLives(life: LifePlan): Generator<LifePlan> {
  if (JSON.stringify(life) === JSON.stringify(plain)) return
  yield plain
  if (life.start !== 'ok') yield { ...life, start: 'ok' }
  if (life.startAfter > 0) yield { ...life, startAfter: 0 }
  if (life.hops > 0) yield { ...life, hops: 0 }
  if (life.cleanup !== 'ok') yield { ...life, cleanup: 'ok' }
  if (life.cleanupAfter > 0) yield { ...life, cleanupAfter: 0 }
  if (life.turns.length > 0) yield { ...life, turns: [] }
  const { sick: _, ...healthy } = life
  if (life.sick) yield healthy
}

/** The shapes of a supervisor that is spawned into, without what it may not need. */
function* simplerTemplates(branch: BranchPlan): Generator<BranchPlan> {
  const { maxChildren, template, ...rest } = branch
  if (template && maxChildren !== undefined) yield { ...rest, template }
  if (template) for (const simpler of simplerLeaves(template)) yield { ...branch, template: simpler }
}

/** The same deed with less in it. */
function* simplerActions(action: Action): Generator<Action> {
  if (action.do === 'spawn' && action.lives.length > 0) {
    yield { ...action, lives: [] }
    for (const [index, life] of action.lives.entries())
      for (const simpler of simplerLives(life)) yield { ...action, lives: action.lives.with(index, simpler) }
  }
  if (action.do === 'reshape')
    for (const key of Object.keys(action.to))
      yield { ...action, to: Object.fromEntries(Object.entries(action.to).filter(([name]) => name !== key)) }
  if (action.do === 'ambush' && action.actions.length > 1)
    for (const index of action.actions.keys())
      yield { ...action, actions: action.actions.toSpliced(index, 1) }
}

/** Smaller scenarios than this one, the much smaller ones first. */
function* smaller(scenario: Scenario): Generator<Scenario> {
  const { script, root } = scenario
  for (let size = script.length >> 1; size >= 1; size >>= 1) {
    for (let from = script.length - size; from >= 0; from -= size) {
      yield { ...scenario, script: script.toSpliced(from, size) }
    }
  }
  for (const fewer of withoutOneChild(root)) yield { ...scenario, root: fewer }
  for (const simpler of simplerTemplates(root)) yield { ...scenario, root: simpler }
  for (const [index, action] of script.entries())
    for (const simpler of simplerActions(action)) yield { ...scenario, script: script.with(index, simpler) }
}

/** Takes away whatever the violation does not need, one piece after the other, for as long as the same invariant is broken. */
export async function shrink(scenario: Scenario, invariant: string): Promise<Scenario> {
  let best = scenario
  for (let plays = 0, progress = true; progress; ) {
    progress = false
    for (const candidate of smaller(best)) {
      plays += 1
      if (plays > MOST_PLAYS) return best
      const { violation } = await play(candidate)
      if (violation?.invariant !== invariant) continue
      best = candidate
      progress = true
      break
    }
  }
  return best
}
