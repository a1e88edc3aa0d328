import type { SupervisionEvent, SupervisionEventType } from '../../src/supervision/types.ts'
import type { Ledger, Phase, Post } from './ledger.ts'

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

type Note = (post: Post, event: SupervisionEvent, ledger: Ledger) => void

const phase =
  (to: Phase): Note =>
  post => {
    post.phase = to
  }

const beginsToStop = (branch: Post | undefined, at: number): void => {
  if (branch?.branch) branch.stopsSince ??= at
}

const notes: Partial<Record<SupervisionEventType, Note>> = {
  started(post, { incarnation }) {
    post.phase = 'started'
    post.incarnation = incarnation
    post.closingSince = undefined
    post.stopsSince = undefined
    post.spent = []
    for (const child of post.children) child.renew(child.epoch + 1)
  },
  ready(post) {
    post.phase = 'ready'
    post.wasReady = true
  },
  recovered: phase('ready'),
  degraded: phase('degraded'),
  failed(post, { at }) {
    post.phase = 'failed'
    beginsToStop(post, at)
  },
  child_terminated(post, { at }) {
    takeBackStops(post)
    post.phase = 'ended'
    beginsToStop(post, at)
  },
  backoff_scheduled(post, { at }) {
    post.restarts.push(at)
    post.parent?.spent.push(at)
  },
  gave_up: (_, { supervisor, at }, { posts }) => beginsToStop(posts.get(supervisor), at),
  shutdown_error(post, { error, incarnation }) {
    if (error?.code === 'EXO_SHUTDOWN_TIMEOUT') leaveBehind(post, incarnation)
  },
}

/** Brings the ledger up to an event. */
export function takeNote(event: SupervisionEvent, post: Post, ledger: Ledger): void {
  notes[event.type]?.(post, event, ledger)
}

/** A group that restarts brings back what was stopped before, as in OTP. */
export function takeBackStops(driver: Post): void {
  if (driver.word === 'stop') return
  if (driver.parent?.branch?.strategy === 'one_for_one') return
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
