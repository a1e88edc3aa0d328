import type { Invariant } from './invariant.ts'

/** Sums of times are rounded. */
const SLACK_MS = 0.001

export const releases: readonly Invariant[] = [
  {
    name: 'cleanup-once',
    promise: 'cleanup runs exactly once for each incarnation that began, after its initialize has settled',
    cleans({ post, incarnation, cleanups, settled }) {
      if (cleanups > 0) return `${post.id}#${incarnation} is cleaned up again`
      return settled ? undefined : `${post.id}#${incarnation} is cleaned up before it has initialised`
    },
    ends({ ledger }) {
      const wrong = ledger.lives.find(({ settled, cleanups }) => cleanups !== (settled ? 1 : 0))
      return wrong && `${wrong.post.id}#${wrong.incarnation} was cleaned up ${wrong.cleanups} times`
    },
  },
  {
    name: 'closed-after-cleanup',
    promise: 'a child is CLOSED only when its cleanup has ended, or after all of its time for closing',
    hears({ type, incarnation }, post) {
      if (type !== 'child_terminated' || post.branch || post.parent?.isBlurred) return undefined
      const life = post.lives.find(one => one.epoch === post.epoch && one.incarnation === incarnation)
      if (life === undefined || life.cleaned || life.leftBehind) return undefined
      return `${post.id}#${incarnation} is CLOSED while its cleanup runs`
    },
  },
  {
    name: 'full-time-for-closing',
    promise: 'a cleanup is left behind only after the whole time that its policy gives',
    hears({ type, error }, post, { time }) {
      if (type !== 'shutdown_error' || error?.code !== 'EXO_SHUTDOWN_TIMEOUT') return undefined
      const { shutdown } = post.plan.policy
      if (shutdown === 'infinity') return `${post.id} is left behind although it may take for ever`
      if (post.closingSince === undefined || post.parent?.isBlurred) return undefined
      const limit = shutdown === 'kill' ? 1_000 : shutdown
      return time - post.closingSince < limit - SLACK_MS
        ? `${post.id} is left behind after ${time - post.closingSince} of ${limit} ms`
        : undefined
    },
  },
  {
    name: 'nothing-left',
    promise: 'after CLOSED no timer, posted work or listener on a signal of a caller is left',
    ends({ kernelTimers, posted, listeners }) {
      const left = { timers: kernelTimers, posted, listeners }
      return kernelTimers + posted + listeners > 0 ? `left behind: ${JSON.stringify(left)}` : undefined
    },
  },
  {
    name: 'nothing-uncaught',
    promise: 'no rejection and no throw is left to nobody',
    rests: ({ faults }) => faults[0],
    ends: ({ faults }) => faults[0],
  },
]
