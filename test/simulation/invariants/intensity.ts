import type { SupervisionEvent } from '../../../src/supervision/types.ts'
import type { Post } from '../ledger.ts'
import type { Invariant } from './invariant.ts'

interface Limit {
  readonly restarts: number
  readonly within: number
}

const within = (times: readonly number[], at: number, ms: number): number =>
  times.filter(time => time <= at && at - time <= ms).length

/**
 * How much later than it was accepted a restart may be announced: a group is stopped in between.
 * The limits of closing of all members, one after the other.
 */
function announcementDelay(post: Post): number {
  const { branch } = post.parent ?? {}
  if (branch === undefined || branch.strategy === 'one_for_one') return 0
  return Number.POSITIVE_INFINITY
}

function limitsOf(post: Post): readonly (readonly [Limit, readonly number[], string])[] {
  const { intensity } = post.plan.policy
  const own = post.parent?.branch?.intensity
  return [
    ...(post.isUncertain ? [] : [[intensity, post.restarts, post.id] as const]),
    ...(own && post.parent ? [[own, post.parent.spent, post.parent.id] as const] : []),
  ]
}

export const intensity: readonly Invariant[] = [
  {
    name: 'intensity-kept',
    promise: 'no more restarts are accepted within any window than the intensity allows',
    hears({ type, at }, post) {
      if (type !== 'backoff_scheduled' || announcementDelay(post) > 0) return undefined
      const broken = limitsOf(post).find(
        ([limit, times]) => within([...times, at], at, limit.within) > limit.restarts,
      )
      return broken
        ? `${broken[2]} has accepted more than ${broken[0].restarts} restarts within ${broken[0].within} ms`
        : undefined
    },
  },
  {
    name: 'window-tells-the-truth',
    promise: 'an event never shows more restarts than the limit, and an announced restart shows itself',
    hears({ type, window }: SupervisionEvent, post) {
      if (window.used > window.limit) return `${post.id} shows ${window.used} of ${window.limit} restarts`
      if (type !== 'backoff_scheduled' || announcementDelay(post) > 0 || window.used > 0) return undefined
      return `${post.id} announces a restart, and its window shows none`
    },
  },
  {
    name: 'gives-up-only-when-spent',
    promise: 'a supervisor gives up only when the restarts of one of its windows are spent',
    hears({ type, at }, post, { hasSkewed }) {
      if (type !== 'gave_up' || hasSkewed || post.isUncertain || announcementDelay(post) > 0) return undefined
      const spent = limitsOf(post).some(([limit, times]) => within(times, at, limit.within) >= limit.restarts)
      return spent ? undefined : `${post.id} is given up although no window is full`
    },
  },
]
