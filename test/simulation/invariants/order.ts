import { isOver, type Post } from '../ledger.ts'
import type { Invariant } from './invariant.ts'

const ordered = (post: Post): boolean => post.branch !== undefined

const siblings = (post: Post): readonly Post[] => post.parent?.children ?? []

const isBefore = (one: Post, other: Post): boolean =>
  one.order !== undefined && other.order !== undefined && one.order < other.order

const isStatic = (post: Post): boolean => post.isStatic

const isGraph = ({ parent }: Post): boolean => parent?.strategy === 'dependency_closure'

/** Whether one child must be CLOSED before another one is stopped. */
const stopsBefore = (one: Post, other: Post): boolean =>
  isGraph(other) ? one.startsAfter.includes(other.id) : isBefore(other, one)

const isGroup = (post: Post): boolean =>
  post.parent?.strategy === 'one_for_all' || post.parent?.strategy === 'rest_for_one'

/** Nobody but the policy has had a say in this incarnation of the supervisor. */
const isUntouched = ({ word, commands }: Post): boolean => word === undefined && commands === 0

const isLiving = ({ phase }: Post): boolean => phase !== 'none' && phase !== 'ended'

export const order: readonly Invariant[] = [
  {
    name: 'starts-in-order',
    promise: 'a child starts for the first time only after each child before it has been READY',
    hears({ type, incarnation }, post) {
      if (type !== 'started' || incarnation !== 1 || !isStatic(post) || isGraph(post)) return undefined
      const early = siblings(post).find(
        other => isStatic(other) && isBefore(other, post) && other.leaf?.start !== false && !other.wasReady,
      )
      return early ? `${post.id} starts before ${early.id} has been READY` : undefined
    },
  },
  {
    name: 'ready-after-children',
    promise: 'a supervisor is READY only after each of its children has been',
    hears({ type }, post) {
      if (type !== 'ready' || !ordered(post)) return undefined
      const late = post.children.find(
        child => isStatic(child) && child.leaf?.start !== false && !child.wasReady && !child.wasStopped,
      )
      return late ? `${post.id} is READY before ${late.id}` : undefined
    },
  },
  {
    name: 'group-in-order',
    promise:
      'a group that restarts starts one member after the other, with everything after the one that starts stopped',
    hears({ type }, post) {
      if (type !== 'started' || !isGroup(post) || !isUntouched(post) || post.isTried) return undefined
      const wrong = siblings(post).find(other => {
        if (other === post || !isUntouched(other)) return false
        // The try of an open circuit goes on beside the group.
        if (other.isBesideGroup) return false
        if (other.phase === 'started') return true
        return isBefore(post, other) && isLiving(other) && isStatic(other)
      })
      return wrong ? `${post.id} starts while ${wrong.id} is ${wrong.phase}` : undefined
    },
  },
  {
    name: 'dependencies-ready',
    promise:
      'a child starts by itself only when all that it starts after is READY or DEGRADED, or is to stay down',
    hears({ type }, post, facts) {
      if (type !== 'started' || !isGraph(post) || !isUntouched(post)) return undefined
      const shown = post.parent && facts.shown(post.parent)
      const missing = post.startsAfter.find(id => {
        const other = siblings(post).find(sibling => sibling.id === id)
        if (other === undefined || other.phase === 'ready' || other.phase === 'degraded') return false
        if (other.phase === 'started' || shown === undefined)
          return !other.wasReady && other.leaf?.start !== false
        const snapshot = shown.find(child => child.id === id)
        return snapshot !== undefined && !snapshot.ended && snapshot.state !== 'UNINITIALIZED'
      })
      return missing && `${post.id} starts while ${missing}, which it starts after, is not up`
    },
  },
  {
    name: 'requirers-are-down',
    promise: 'a child that comes back does so only when all that depends on it has stopped',
    hears({ type, incarnation }, post) {
      if (type !== 'started' || incarnation === 1 || !isGraph(post) || !isUntouched(post) || post.isTried)
        return undefined
      const living = siblings(post).find(
        other => other.plan.dependsOn?.includes(post.id) && isLiving(other) && isUntouched(other),
      )
      return living && `${post.id} comes back while ${living.id}, which depends on it, is ${living.phase}`
    },
  },
  {
    name: 'ends-with-the-significant',
    promise: 'a supervisor shuts itself down only for a significant child that ended by itself',
    hears({ type }, post) {
      if (type !== 'auto_shutdown') return undefined
      if (post.leaf?.significant !== true)
        return `${post.parent?.id} shuts down for ${post.id}, which is not significant`
      return post.word === 'stop'
        ? `${post.parent?.id} shuts down for ${post.id}, which was stopped by hand`
        : undefined
    },
  },
  {
    name: 'stops-in-reverse',
    promise: 'a supervisor that closes stops a child only after those that were started after it are CLOSED',
    cleans({ post, epoch, endedItself }) {
      const { parent } = post
      if (epoch !== post.epoch || parent?.stopsSince === undefined || parent.isBlurred) return undefined
      // A stop by hand, also of what it needs, does not wait for the others.
      const isTold = post.commands > 0 || post.word === 'stop'
      if (post.closingSince === undefined || post.closesEarly || endedItself || isTold) return undefined
      const later = siblings(post).find(other => stopsBefore(other, post) && isLiving(other))
      return later
        ? `${post.id} is cleaned up while ${later.id}, started after it, is ${later.phase}`
        : undefined
    },
  },
  {
    name: 'no-start-after-stop',
    promise: 'nothing starts in a supervisor that has begun to close, and no child that was told to stop',
    hears({ type }, post) {
      if (type !== 'started') return undefined
      if (post.parent?.isBlurred) return undefined
      if (post.parent?.stopsSince !== undefined) return `${post.id} starts while ${post.parent.id} closes`
      return post.word === 'stop' ? `${post.id} starts although it was told to stop` : undefined
    },
    begins({ post, incarnation }) {
      return post.parent?.stopsSince !== undefined && !post.parent.isBlurred
        ? `${post.id}#${incarnation} initialises while ${post.parent.id} closes`
        : undefined
    },
  },
  {
    name: 'closed-after-children',
    promise: 'a supervisor is CLOSED only after each life below it is over or was left behind',
    hears({ type }, post) {
      if (type !== 'child_terminated' || !post.branch || post.isBlurred) return undefined
      const living = post.children.flatMap(({ lives }) => lives).find(life => !isOver(life))
      return living ? `${post.id} is CLOSED while ${living.post.id}#${living.incarnation} lives` : undefined
    },
  },
]
