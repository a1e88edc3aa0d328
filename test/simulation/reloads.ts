import { ExovisorError } from '../../src/errors.ts'
import type { AnyChildSpec, SupervisorClient, SupervisorInput } from '../../src/supervision/types.ts'
import type { Reload } from './invariants/invariant.ts'
import type { Post } from './ledger.ts'
import {
  type BranchPlan,
  isBranch,
  type LeafPlan,
  type NodePlan,
  type Relations,
  type ReloadedPolicy,
  type Reshaping,
} from './scenario.ts'
import type { World } from './world.ts'

/** What is written into the ledger before a reload, since its listeners look there, and taken back when it is refused. */
interface Change {
  readonly undo: () => void
}

const isKnown = (client: SupervisorClient, { id }: Post): boolean =>
  client.children().some(child => child.id === id)

/** A child gets another policy; or a list that is wrong comes, which must change nothing. */
export function reloadLeaf(world: World, post: Post | undefined, policy: ReloadedPolicy | 'wrong'): void {
  const client = post?.parent && world.client(post.parent)
  if (!post?.leaf || post.starting > 0 || post.parent?.isDynamic || !client || !isKnown(client, post)) return
  const changes = policy === 'wrong' ? [] : [replan(post, withPolicy(post.plan, policy))]
  const spec = world.blueprint.spec(post.plan)
  const children = policy === 'wrong' ? [spec, { ...spec, mailbox: -1 }] : [spec]
  const isTaken = reload(world, post.parent, client, { children }, changes)
  if (isTaken && policy === 'wrong') world.fault('a reload with faults was taken over', post.id)
}

/** A supervisor gets another strategy, other limits, other relations of its children, or more of them. */
export function reshape(world: World, branch: Post | undefined, to: Reshaping): void {
  const plan = branch?.branch
  const client = branch && world.client(branch)
  if (!branch || !plan || !client || branch.children.some(({ starting }) => starting > 0)) return
  if (branch.isDynamic) reshapeDynamic(world, branch, plan, client, to)
  else reshapeStatic(world, branch, plan, client, to)
}

function reshapeDynamic(
  world: World,
  branch: Post,
  plan: BranchPlan,
  client: SupervisorClient,
  { policy, maxChildren, intensity, concurrentStarts }: Reshaping,
): void {
  const template = policy && plan.template && withPolicy(plan.template, policy)
  const limits = {
    ...(maxChildren && { maxChildren }),
    ...(intensity && { intensity }),
    ...(concurrentStarts && { concurrentStarts }),
  }
  const children = policy ? branch.children.filter(post => isKnown(client, post)) : []
  const changes = [
    reshaped(branch, { ...plan, ...limits, ...(template && { template }) }),
    ...(policy ? children.map(child => replan(child, withPolicy(child.plan, policy))) : []),
  ]
  const input = { ...limits, ...(template && { template: world.blueprint.template(template) }) }
  if (!reload(world, branch, client, input, changes)) return
  if (maxChildren) branch.room = Math.max(maxChildren, client.children().length)
  if (intensity) resized(world, branch)
}

function reshapeStatic(
  world: World,
  branch: Post,
  plan: BranchPlan,
  client: SupervisorClient,
  { strategy = plan.strategy, intensity, concurrentStarts, relations = {}, added = [] }: Reshaping,
): void {
  if (strategy === 'dynamic') {
    refuseDynamic(world, branch, client)
    return
  }
  const isGraph = strategy === 'dependency_closure'
  const related = <Plan extends NodePlan>(node: Plan): Plan => ({
    ...withoutRelations(node),
    ...(isGraph && relationsFor(node, relations[node.id])),
  })
  const limits = {
    strategy,
    ...(intensity && { intensity }),
    ...(concurrentStarts && { concurrentStarts }),
  }
  const known = branch.children.filter(post => isKnown(client, post))
  const isOther = strategy !== plan.strategy || isGraph
  const news = added
    .filter(({ id }) => !world.ledger.posts.has(id))
    .map(leaf => related({ ...leaf, start: false, significant: false }))
  const changes = [
    reshaped(branch, { ...plan, ...limits }),
    ...(isOther ? known.map(child => rerelate(child, related(child.plan))) : []),
    ...news.map(leaf => addition(world, branch, leaf)),
  ]
  branch.isReshaping ||= isOther
  const given = [...(isOther ? known : []), ...news.map(({ id }) => world.post(id))]
  const children = given.map((post): AnyChildSpec => world.blueprint.spec(post.plan))
  if (!reload(world, branch, client, { ...limits, children }, changes)) return
  if (isOther) branch.reorder(isGraph ? [] : client.children().map(({ id }) => id))
  if (intensity) resized(world, branch)
}

function refuseDynamic(world: World, branch: Post, client: SupervisorClient): void {
  if (reload(world, branch, client, { strategy: 'dynamic' }, []))
    world.fault('a supervisor became dynamic while it ran', branch.id)
}

/** Restarts that were spent before count on under the new limit, but not in the books of the world. */
function resized(world: World, branch: Post): void {
  branch.resizedAt = world.reading
  branch.spent = []
}

/** False when it was refused: then nothing has changed. */
function reload(
  world: World,
  branch: Post,
  client: SupervisorClient,
  input: SupervisorInput,
  changes: readonly Change[],
): boolean {
  world.note(`> reload ${branch.id}: ${Object.keys(input).join(', ')}`)
  const [before, deeds] = [look(client), world.deeds]
  let isTaken = true
  try {
    client.reload(input)
  } catch (error) {
    isTaken = false
    for (const { undo } of changes.toReversed()) undo()
    const code = error instanceof ExovisorError ? error.code : String(error)
    world.note(`= reload ${branch.id}: ${code}`)
    if (code !== 'EXO_CHILD_SPEC_INVALID' && code !== 'EXO_RESOURCE_CLOSED')
      world.fault('a reload threw', error)
  }
  // Who heard of it may have done something in between.
  if (deeds !== world.deeds) return isTaken
  const given = (input.children ?? []).map(({ id }) => id)
  const done: Reload = { branch, isTaken, given, before, after: look(client) }
  world.check(invariant => invariant.reloads?.(done, world))
  return isTaken
}

const look = (client: SupervisorClient): Reload['before'] =>
  client.children().map(({ id, state, incarnation, circuit }) => ({
    id,
    life: `#${incarnation} ${state}, circuit ${circuit}`,
    spec: JSON.stringify(client.spec(id)),
  }))

function withPolicy<Plan extends NodePlan>(
  plan: Plan,
  { restart = plan.restart, ...policy }: ReloadedPolicy,
): Plan {
  return { ...plan, restart, policy: { ...plan.policy, ...policy, restart } }
}

function replan(post: Post, plan: NodePlan): Change {
  const { plan: older, restartTypes } = post
  post.plan = plan
  post.restartTypes = new Set([...restartTypes, plan.restart])
  post.isUncertain = true
  post.attemptsAreUnknown = true
  return {
    undo: () => {
      post.plan = older
      post.restartTypes = restartTypes
    },
  }
}

function rerelate(post: Post, plan: NodePlan): Change {
  const older = post.plan
  post.plan = plan
  return {
    undo: () => {
      post.plan = older
    },
  }
}

function reshaped(branch: Post, shape: BranchPlan): Change {
  const { branch: older, isReshaping } = branch
  branch.reshape(shape)
  return {
    undo: () => {
      if (older) branch.reshape(older)
      branch.isReshaping = isReshaping
    },
  }
}

function addition(world: World, branch: Post, leaf: LeafPlan): Change {
  const post = world.ledger.add(leaf, branch)
  post.renew(branch.children[0]?.epoch ?? 1)
  post.order = undefined
  return { undo: () => world.ledger.takeBack(post) }
}

function withoutRelations<Plan extends NodePlan>(node: Plan): Plan {
  const { dependsOn: _dependsOn, after: _after, requires: _requires, ...rest } = node as LeafPlan
  return rest as Plan
}

function relationsFor(node: NodePlan, relations: Relations | undefined): Relations {
  const { dependsOn = [], after = [], requires = [] } = relations ?? (node as LeafPlan)
  return isBranch(node) ? { dependsOn } : { dependsOn, after, requires }
}
