import type { LifecycleState } from '../../../machines/lifecycle.ts'
import type { SupervisionEvent } from '../../../src/supervision/types.ts'
import { isOver, type Phase } from '../ledger.ts'
import type { Invariant } from './invariant.ts'

const legalStates: Readonly<Record<LifecycleState, readonly LifecycleState[]>> = {
  UNINITIALIZED: ['INITIALIZING', 'CLOSED'],
  INITIALIZING: ['READY', 'ERROR', 'CLOSING'],
  READY: ['DEGRADED', 'ERROR', 'CLOSING'],
  DEGRADED: ['READY', 'ERROR', 'CLOSING'],
  ERROR: ['CLOSING'],
  CLOSING: ['CLOSED'],
  CLOSED: [],
}

/** From which phases an event may come. */
const legalEvents: Partial<Record<SupervisionEvent['type'], readonly Phase[]>> = {
  started: ['none', 'ended'],
  ready: ['started'],
  degraded: ['ready'],
  recovered: ['degraded'],
  failed: ['ready', 'degraded'],
  start_error: ['started'],
  resumed: ['ready', 'degraded'],
  ignored: ['ended'],
  circuit_opened: ['ended'],
  circuit_half_open: ['ended'],
  circuit_closed: ['ready'],
  child_terminated: ['started', 'ready', 'degraded', 'failed'],
  restarted: ['ready'],
  backoff_scheduled: ['ended'],
}

export const lives: readonly Invariant[] = [
  {
    name: 'one-live-incarnation',
    promise:
      'an incarnation begins only when all before it are over, or were left behind after their time for closing',
    begins({ post, incarnation }) {
      const living = post.lives.filter(life => life.incarnation !== incarnation && !isOver(life))
      return living.length > 0
        ? `${post.id}#${incarnation} begins while ${living.map(life => `#${life.incarnation}`).join(', ')} lives`
        : undefined
    },
  },
  {
    name: 'incarnation-grows',
    promise: 'each incarnation of a child has a larger number than the one before',
    hears({ type, incarnation }, post) {
      if (type !== 'started' || incarnation > post.incarnation) return undefined
      return `${post.id}#${incarnation} starts after #${post.incarnation}`
    },
  },
  {
    name: 'begins-once',
    promise: 'initialize is called once for each incarnation, and only for one that was announced',
    begins({ post, epoch, incarnation }) {
      const twins = post.lives.filter(life => life.epoch === epoch && life.incarnation === incarnation)
      if (twins.length > 1) return `${post.id}#${incarnation} was initialised ${twins.length} times`
      return post.phase === 'started' && post.incarnation === incarnation
        ? undefined
        : `${post.id}#${incarnation} initialises while #${post.incarnation} is ${post.phase}`
    },
  },
  {
    name: 'legal-state',
    promise: 'each change of state is one that the lifecycle allows, and follows the one before',
    changes({ state, previous }, post) {
      if (!legalStates[previous].includes(state)) return `${post.id} went from ${previous} to ${state}`
      const known = post.state
      if (known === undefined || known === previous) return undefined
      const begins = known === 'CLOSED' && previous === 'UNINITIALIZED'
      return begins ? undefined : `${post.id} was ${known} and is said to come from ${previous}`
    },
  },
  {
    name: 'legal-event',
    promise: 'the events of a child tell one life after the other, each from its start to its end',
    hears({ type, incarnation }, post) {
      if (post.parent?.isBlurred) return undefined
      const from = legalEvents[type]
      if (from === undefined) return undefined
      if (!from.includes(post.phase)) return `${post.id}#${incarnation} ${type} while it is ${post.phase}`
      return type === 'started' || incarnation === post.incarnation
        ? undefined
        : `${post.id}#${incarnation} ${type} while #${post.incarnation} is the current one`
    },
  },
  {
    name: 'works-only-in-work',
    promise: 'messages, health checks and soft restarts reach only the incarnation that is READY or DEGRADED',
    handles: (_, life) => notWorking('handles a message', life),
    examines: life => notWorking('is examined', life),
  },
  {
    name: 'rests-while-suspended',
    promise: 'while a child is suspended no message is handled and no health check begins',
    handles: (_, life) => whileSuspended('handles a message', life),
    // Grace and soft restarts of a DEGRADED one go on.
    examines: (life, _, what) => (what === 'check' ? whileSuspended('is checked', life) : undefined),
  },
  {
    name: 'mended-by-one',
    promise: 'two health checks, or two soft restarts, of one incarnation never run side by side',
    examines({ post, incarnation, checks, mending }) {
      if (checks > 1) return `${checks} health checks of ${post.id}#${incarnation} run at once`
      return mending > 1 ? `${mending} soft restarts of ${post.id}#${incarnation} run at once` : undefined
    },
  },
]

type OneLife = Parameters<NonNullable<Invariant['begins']>>[0]

const whileSuspended = (what: string, { post, incarnation }: OneLife) =>
  post.suspended ? `${post.id}#${incarnation} ${what} while it is suspended` : undefined

function notWorking(what: string, { post, epoch, incarnation }: OneLife) {
  if (post.parent?.isBlurred) return undefined
  const isCurrent = epoch === post.epoch && incarnation === post.incarnation
  // READY is told to the mailbox before it is told to the listeners.
  const works = post.phase === 'ready' || post.phase === 'degraded' || post.phase === 'started'
  return isCurrent && works
    ? undefined
    : `${post.id}#${incarnation} ${what} while #${post.incarnation} is ${post.phase}`
}
