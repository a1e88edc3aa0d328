import { isOver, type Post } from '../ledger.ts'
import type { Invariant } from './invariant.ts'

const ordered = (post: Post): boolean => post.branch !== undefined

const siblings = (post: Post): readonly Post[] => post.parent?.children ?? []

const isBefore = (one: Post, other: Post): boolean =>
  one.order !== undefined && other.order !== undefined && one.order < other.order

const isStatic = (post: Post): boolean => post.parent?.branch?.children.includes(post.plan) ?? false

const isGroup = (post: Post): boolean =>
  post.parent?.branch?.strategy === 'one_for_all' || post.parent?.branch?.strategy === 'rest_for_one'

/** Nobody but the policy has had a say in this incarnation of the supervisor. */
const isUntouched = ({ word, commands }: Post): boolean => word === undefined && commands === 0

const isLiving = ({ phase }: Post): boolean => phase !== 'none' && phase !== 'ended'

export const order: readonly Invariant[] = [
  {
    name: 'starts-in-order',
    promise: 'a child starts for the first time only after each child before it has been READY',
    hears({ type, incarnation }, post) {
      if (type !== 'started' || incarnation !== 1 || !isStatic(post)) return undefined
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
        child => isStatic(child) && child.leaf?.start !== false && !child.wasReady,
      )
      return late ? `${post.id} is READY before ${late.id}` : undefined
    },
  },
  {
    name: 'group-in-order',
    promise:
      'a group that restarts starts one member after the other, with everything after the one that starts stopped',
    hears({ type }, post) {
      if (type !== 'started' || !isGroup(post) || !isUntouched(post)) return undefined
      const wrong = siblings(post).find(other => {
        if (other === post || !isUntouched(other)) return false
        if (other.phase === 'started') return true
        return isBefore(post, other) && isLiving(other) && isStatic(other)
      })
      return wrong ? `${post.id} starts while ${wrong.id} is ${wrong.phase}` : undefined
    },
  },
  {
    name: 'stops-in-reverse',
    promise: 'a supervisor that closes stops a child only after those that were started after it are CLOSED',
    cleans({ post, epoch, endedItself }) {
      const { parent } = post
      if (epoch !== post.epoch || parent?.stopsSince === undefined || parent.isBlurred) return undefined
      if (post.closingSince === undefined || post.closesEarly || endedItself || post.commands > 0)
        return undefined
      const later = siblings(post).find(other => isBefore(post, other) && isLiving(other))
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
