import type { ChildSnapshot } from '../../../src/supervision/types.ts'
import type { Post } from '../ledger.ts'
import type { Facts, Finding, Invariant } from './invariant.ts'

/** Whether a child may stay as it is for ever. */
function rest(post: Post, { state, ended, restart, circuit }: ChildSnapshot): Finding {
  const { on } = post.plan.policy
  if (state === 'READY') return undefined
  if (state === 'UNINITIALIZED' && (post.leaf?.start === false || post.wasStopped)) return undefined
  if (state === 'DEGRADED' && !on.includes('DEGRADED')) return undefined
  if (state === 'ERROR' && !on.includes('ERROR')) return undefined
  if (circuit !== 'closed') return `${post.id} has a circuit that is ${circuit}`
  if (state !== 'CLOSED' || !ended) return `${post.id} is ${state}`
  const types = new Set([restart, ...post.restartTypes])
  const wasLetGo =
    types.has('temporary') ||
    (types.has('transient') && !post.hasFailed) ||
    post.wasStopped ||
    post.directive === 'stop'
  return wasLetGo ? undefined : `${post.id} is ${restart} and has ended, though nobody stopped it`
}

function unrest(post: Post, facts: Facts): Finding {
  const shown = facts.shown(post)
  for (const child of shown ?? []) {
    const known = post.children.find(({ id }) => id === child.id)
    const finding =
      known &&
      (rest(known, child) ?? (known.branch && child.state === 'READY' ? unrest(known, facts) : undefined))
    if (finding) return finding
  }
  return undefined
}

/** What keeps the tree below the root from being at rest, if anything does. */
export function findUnrest(facts: Facts): Finding {
  const root = facts.ledger.posts.get('root')
  return root && unrest(root, facts)
}

export const convergence: readonly Invariant[] = [
  {
    name: 'converges',
    promise:
      'once the faults have ceased every child that may run is READY within its backoff and time to start, or its supervisor has given up',
    converged: findUnrest,
  },
  {
    name: 'calls-settle',
    promise: 'each command and each waiting for a child settles, exactly once, once the faults have ceased',
    converged: unsettled,
    ends: unsettled,
  },
]

function unsettled({ ledger }: Facts): Finding {
  const open = ledger.pending.find(({ settled }) => settled !== 1)
  return open && `${open.what}, called at ${open.since}, has settled ${open.settled} times`
}
