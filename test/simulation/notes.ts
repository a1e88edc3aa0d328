import type { SupervisionEvent } from '../../src/supervision/types.ts'
import type { Ledger, Post } from './ledger.ts'

/** One line of the trace. */
export function describeEvent({
  type,
  supervisor,
  name,
  incarnation,
  attempt,
  delay,
  reason,
  error,
  window,
}: SupervisionEvent): string {
  const facts = [
    delay === undefined ? '' : ` in ${delay.toFixed(3)}`,
    type === 'backoff_scheduled' ? ` attempt ${attempt}, ${window.used}/${window.limit}` : '',
    reason === undefined ? '' : ` (${reason})`,
    error === undefined ? '' : ` [${error.code}] ${error.message}`,
  ]
  return `${supervisor}/${name}#${incarnation} ${type}${facts.join('')}`
}

type Note = (post: Post, event: SupervisionEvent, ledger: Ledger, time: number) => void

const beginsToStop = (branch: Post | undefined, at: number): void => {
  if (branch?.branch) branch.stopsSince ??= at
}

/** A child that was READY for long begins to count its restarts anew. */
export function leaveReady(post: Post, time: number): void {
  const { readySince, plan } = post
  const { resetAfter } = plan.policy.backoff
  const age = readySince === undefined ? 0 : time - readySince
  post.readySince = undefined
  if (age > resetAfter) post.attempts = 0
  else if (age === resetAfter) post.attemptsAreUnknown = true
}

const fail: Note = (post, { at, directive }, _ledger, time) => {
  post.directive = directive
  post.phase = 'failed'
  post.hasFailed = true
  leaveReady(post, time)
  beginsToStop(post, at)
}

/** The name at the end of a supervisor's path. */
const lastName = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const givesUp: Note = (_, { supervisor, at }, { posts }) => beginsToStop(posts.get(lastName(supervisor)), at)

const notes: Partial<Record<SupervisionEvent['type'], Note>> = {
  started(post, { incarnation }) {
    post.phase = 'started'
    post.incarnation = incarnation
    post.closingSince = undefined
    post.stopsSince = undefined
    post.hasFailed = false
    post.directive = undefined
    post.isTried = false
    post.dueAt = undefined
    post.beginAsPlanned()
  },
  ready(post, _event, _ledger, time) {
    post.phase = 'ready'
    post.wasReady = true
    post.readySince = time
  },
  recovered(post, _event, _ledger, time) {
    post.phase = 'ready'
    post.readySince = time
  },
  degraded(post, _event, _ledger, time) {
    post.phase = 'degraded'
    leaveReady(post, time)
  },
  failed: fail,
  start_error: fail,
  child_terminated(post, { at }) {
    takeBackStops(post)
    post.restartTypes = new Set([post.plan.restart])
    // Nobody could see when it began to close.
    if (post.readySince !== undefined) post.attemptsAreUnknown = true
    post.readySince = undefined
    post.isBesideGroup = false
    post.phase = 'ended'
    post.endedAt = at
    beginsToStop(post, at)
  },
  backoff_scheduled(post, { at, delay = 0 }, _ledger, time) {
    const restart = { ended: post.endedAt, announced: at }
    post.restarts.push(restart)
    // One that still starts was not stopped with this group: it is before it.
    for (const sibling of post.parent?.children ?? [])
      if (sibling.phase !== 'started') sibling.isBesideGroup = false
    post.parent?.spent.push(restart)
    post.dueAt = time + delay
    post.attempts += 1
  },
  gave_up: givesUp,
  escalated: givesUp,
  auto_shutdown: givesUp,
  ignored(post) {
    post.wasReady = true
    post.wasStopped = true
  },
  stopped(post, { reason = '' }) {
    // Together with what it needs.
    if (/what it needs|which it needs/.test(reason)) post.wasStopped = true
  },
  suspended(post) {
    post.suspended = true
  },
  unsuspended(post) {
    post.suspended = false
  },
  circuit_opened(post) {
    // Whoever restarts it by hand now gives it a new window.
    post.isUncertain = true
    post.attemptsAreUnknown = true
  },
  circuit_half_open(post) {
    post.isTried = true
    post.isBesideGroup = true
  },
  circuit_closed(post) {
    post.restarts = []
  },
  shutdown_error(post, { error, incarnation }) {
    if (error?.code === 'EXO_SHUTDOWN_TIMEOUT') leaveBehind(post, incarnation)
  },
}

/** Brings the ledger up to an event. */
export function takeNote(event: SupervisionEvent, post: Post, ledger: Ledger, time: number): void {
  notes[event.type]?.(post, event, ledger, time)
}

/** A group that restarts brings back what was stopped before, as in OTP. */
export function takeBackStops(driver: Post): void {
  if (driver.word === 'stop') return
  const strategy = driver.parent?.strategy
  if (strategy === 'one_for_one' || strategy === 'dependency_closure' || strategy === 'dynamic') return
  for (const sibling of driver.parent?.children ?? []) if (sibling.word === 'stop') sibling.word = undefined
}

function leaveBehind(post: Post, incarnation: number): void {
  for (const life of post.lives)
    if (life.epoch === post.epoch && life.incarnation === incarnation) life.leftBehind = true
  if (!post.branch) return
  post.isBlurred = true
  for (const child of post.children) {
    for (const life of child.lives) life.leftBehind = true
    if (child.branch) leaveBehind(child, child.incarnation)
  }
}
