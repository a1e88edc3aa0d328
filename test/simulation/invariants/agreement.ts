import type { LifecycleState } from '../../../machines/lifecycle.ts'
import type { ChildSnapshot } from '../../../src/supervision/types.ts'
import type { Phase, Post } from '../ledger.ts'
import type { Facts, Finding, Invariant } from './invariant.ts'

/** The states in which a child may be shown after its last event. */
const shownAs: Readonly<Record<Phase, readonly LifecycleState[]>> = {
  none: ['UNINITIALIZED', 'CLOSED'],
  started: ['INITIALIZING', 'CLOSING'],
  ready: ['READY', 'CLOSING'],
  degraded: ['DEGRADED', 'CLOSING'],
  failed: ['ERROR', 'CLOSING'],
  ended: ['CLOSED'],
}

function differs(branch: Post, shown: readonly ChildSnapshot[]): Finding {
  for (const { id, state, incarnation } of shown) {
    const post = branch.children.find(child => child.id === id)
    if (post === undefined) return `${branch.id} shows ${id}, which nobody gave it`
    if (state === 'UNINITIALIZED' && post.leaf?.start === false) continue
    if (!shownAs[post.phase].includes(state))
      return `${id} is shown ${state}, its last event left it ${post.phase}`
    // A supervisor's number goes on when an id is used again.
    if (post.phase !== 'none' && post.incarnation !== incarnation)
      return `${id} is shown as #${incarnation}, its last event was of #${post.incarnation}`
  }
  const lost = branch.children.find(
    ({ id, phase }) => phase !== 'none' && phase !== 'ended' && !shown.some(child => child.id === id),
  )
  return lost && `${branch.id} does not show ${lost.id}, which is ${lost.phase}`
}

export const agreement: readonly Invariant[] = [
  {
    name: 'shows-what-happened',
    promise: 'the list of children agrees with their events',
    rests(facts: Facts) {
      for (const post of facts.ledger.posts.values()) {
        if (!post.branch || post.isBlurred) continue
        const shown = facts.shown(post)
        const finding = shown && differs(post, shown)
        if (finding) return finding
      }
      return undefined
    },
  },
  {
    name: 'time-goes-on',
    promise: 'events carry the time of the clock at which they happened',
    hears: ({ at, type }, post, { reading }) =>
      at === reading ? undefined : `${type} of ${post.id} says ${at} at ${reading}`,
  },
]
