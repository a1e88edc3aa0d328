import type { Child } from './child.ts'
import type { DependencyGraph } from './dependency-graph.ts'

/** Starts children one after the other, each when the one before it is READY. Ends at the first that cannot. */
export async function startInOrder(
  children: readonly Child[],
  start: (child: Child) => Promise<void>,
): Promise<void> {
  for (const child of children) await start(child)
}

/** Starts each child when all that it comes after are READY, side by side where nothing orders them. Rejects with the first failure, after which none starts. */
export async function startInWaves(
  children: readonly Child[],
  dependencies: DependencyGraph,
  start: (child: Child) => Promise<void>,
): Promise<void> {
  const started = new Map<string, Promise<void>>()
  let hasFailed = false
  const begin = async (child: Child, before: readonly Promise<void>[]): Promise<void> => {
    await Promise.all(before)
    if (hasFailed) return
    await start(child).catch((error: unknown) => {
      hasFailed = true
      throw error
    })
  }
  // In start order, so that those before a child are in the map already.
  for (const child of children) {
    const before = dependencies.before(child.id).flatMap(id => started.get(id) ?? [])
    started.set(child.id, begin(child, before))
  }
  await Promise.all(started.values())
}

/** The reverse of the order of starts: each child after all those that come after it. */
export function stopOrder(children: readonly Child[], dependencies: DependencyGraph): readonly Child[] {
  const followers = new Map<string, Child[]>()
  for (const child of children) {
    for (const id of dependencies.before(child.id)) followers.set(id, [...(followers.get(id) ?? []), child])
  }
  const order = new Set<Child>()
  const visit = (child: Child): void => {
    if (order.has(child)) return
    for (const follower of (followers.get(child.id) ?? []).toReversed()) visit(follower)
    order.add(child)
  }
  for (const child of children.toReversed()) visit(child)
  return [...order]
}
