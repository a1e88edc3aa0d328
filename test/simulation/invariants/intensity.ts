import type { Post, Restart } from '../ledger.ts'
import type { Invariant } from './invariant.ts'

interface Limit {
  readonly restarts: number
  readonly within: number
}

const isGroup = ({ parent }: Post): boolean =>
  parent?.strategy !== 'one_for_one' && parent?.strategy !== 'dynamic'

/** What was accepted since a reload gave the limit that holds: what ended before may have been judged by the older one. */
const underLimit = ({ spent, resizedAt = Number.NEGATIVE_INFINITY }: Post): readonly Restart[] =>
  spent.filter(({ ended }) => ended > resizedAt)

/** The windows that a restart of a child is counted in. */
function windowsOf(post: Post): readonly (readonly [Limit, readonly Restart[], string])[] {
  const { intensity } = post.plan.policy
  const own = post.parent?.branch?.intensity
  const isUnderLimit = post.endedAt > (post.parent?.resizedAt ?? Number.NEGATIVE_INFINITY)
  return [
    ...(post.isUncertain ? [] : [[intensity, post.restarts, post.id] as const]),
    ...(own && post.parent && isUnderLimit ? [[own, underLimit(post.parent), post.parent.id] as const] : []),
  ]
}

export const intensity: readonly Invariant[] = [
  {
    name: 'intensity-kept',
    promise: 'no more restarts are accepted within any window than the intensity allows',
    hears({ type, at }, post, { hasSkewed }) {
      // The time of the windows never goes back, as that of events may.
      if (type !== 'backoff_scheduled' || hasSkewed) return undefined
      const broken = windowsOf(post).find(([{ restarts, within }, earlier]) => {
        const surelyWithin = earlier.filter(({ ended }) => ended <= at && at - ended <= within)
        return surelyWithin.length + 1 > restarts
      })
      if (broken === undefined) return undefined
      const [{ restarts, within }, , id] = broken
      return `${id} has accepted more than ${restarts} restarts within ${within} ms`
    },
  },
  {
    name: 'window-tells-the-truth',
    promise: 'an event never shows more restarts than the limit, and an announced restart shows itself',
    hears({ type, window }, post) {
      if (window.used > window.limit) return `${post.id} shows ${window.used} of ${window.limit} restarts`
      if (type !== 'backoff_scheduled' || isGroup(post) || window.used > 0) return undefined
      return `${post.id} announces a restart, and its window shows none`
    },
  },
  {
    name: 'gives-up-only-when-spent',
    promise: 'a supervisor gives up only when the restarts of one of its windows are spent',
    hears({ type }, post, { hasSkewed }) {
      // In a group a restart that is overtaken by another one is accepted without being announced.
      if (type !== 'gave_up' || hasSkewed || post.isUncertain || isGroup(post)) return undefined
      // What was spent before a reload counts on: under the new limit, and also what a group spent without a word.
      if (post.parent?.hasAnotherShape) return undefined
      const spent = windowsOf(post).some(([{ restarts, within }, earlier]) => {
        const perhapsWithin = earlier.filter(({ announced }) => post.endedAt - announced <= within)
        return perhapsWithin.length >= restarts
      })
      return spent ? undefined : `${post.id} is given up although no window is full`
    },
  },
]
