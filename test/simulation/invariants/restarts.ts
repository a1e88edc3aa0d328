import type { Post } from '../ledger.ts'
import type { Invariant } from './invariant.ts'

/** The delay before chance: what the policy says for so many restarts in a row. */
function fullDelay({ plan }: Post, attempt: number): number {
  const { initial, factor, max } = plan.policy.backoff
  return Math.min(max, initial * factor ** (attempt - 1))
}

const isAlone = ({ parent }: Post): boolean =>
  parent?.strategy === 'one_for_one' || parent?.strategy === 'dynamic'

/** The numbers are computed with other roundings here. */
const SLACK_MS = 0.001

export const restarts: readonly Invariant[] = [
  {
    name: 'restart-by-type',
    promise: 'temporary children are never restarted, transient ones only after a failure',
    hears({ type }, post) {
      if (type !== 'backoff_scheduled') return undefined
      const types = [...post.restartTypes]
      if (types.every(restart => restart === 'temporary')) return `${post.id} is temporary and is restarted`
      return types.every(restart => restart !== 'permanent') && !post.hasFailed
        ? `${post.id} is transient, has ended in the normal way and is restarted`
        : undefined
    },
  },
  {
    name: 'backoff-by-policy',
    promise: 'the delay before a restart lies where its policy puts it, and is never longer than its maximum',
    hears({ type, delay = 0, attempt }, post) {
      if (type !== 'backoff_scheduled') return undefined
      const { jitter, max } = post.plan.policy.backoff
      const full = fullDelay(post, attempt)
      if (jitter === 'decorrelated')
        return delay <= max ? undefined : `${post.id} waits ${delay} of at most ${max} ms`
      const least = { none: full, equal: full / 2, full: 0 }[jitter]
      const most = Math.min(max, full)
      return delay >= least - SLACK_MS && delay <= most + SLACK_MS
        ? undefined
        : `${post.id} waits ${delay} ms for attempt ${attempt}, expected ${least} to ${most}`
    },
  },
  {
    name: 'backoff-waited',
    promise: 'a restart comes only after its delay, unless an administrator wants it earlier',
    hears({ type }, post, { time }) {
      // In a group the next failure brings a delay of its own.
      if (type !== 'started' || !isAlone(post)) return undefined
      if (post.dueAt === undefined || time >= post.dueAt - SLACK_MS) return undefined
      return `${post.id} starts at ${time}, its restart is due at ${post.dueAt}`
    },
  },
  {
    name: 'attempts-counted',
    promise: 'restarts in a row are counted one by one, and from the beginning after a healthy time only',
    hears({ type, attempt }, post, { hasSkewed, hasHung }) {
      // A member of a group is no longer watched from the moment in which its group is to be stopped.
      if (!isAlone(post)) return undefined
      if (type !== 'backoff_scheduled' || hasSkewed || hasHung || post.attemptsAreUnknown) return undefined
      return attempt === post.attempts + 1
        ? undefined
        : `${post.id} announces attempt ${attempt} after ${post.attempts} in a row`
    },
  },
]
