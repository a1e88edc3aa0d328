import type { Post } from '../ledger.ts'
import type { Facts, Finding, Invariant } from './invariant.ts'

const isLiving = ({ phase }: Post): boolean => phase !== 'none' && phase !== 'ended'

const dynamicOnes = ({ ledger }: Facts): readonly Post[] =>
  [...ledger.posts.values()].filter(post => post.isDynamic && !post.isBlurred)

function kept(branch: Post, facts: Facts): Finding {
  // One that closes has no use for forgetting, and an id may be taken again by a spawn that waits for its place.
  if (branch.stopsSince !== undefined || branch.spawning > 0) return undefined
  const ended = facts
    .shown(branch)
    ?.find(child => child.state === 'CLOSED' && child.ended && child.circuit === 'closed')
  return ended && `${branch.id} still shows ${ended.id}, which has ended for good`
}

function crowded(branch: Post, facts: Facts): Finding {
  const { maxChildren } = branch.branch ?? {}
  const shown = facts.shown(branch)
  if (maxChildren === undefined || shown === undefined) return undefined
  const room = Math.max(maxChildren, branch.room)
  if (shown.length > room) return `${branch.id} has ${shown.length} children, and room for ${room}`
  branch.room = Math.max(maxChildren, shown.length)
  return undefined
}

/** Whom the closing of its supervisor has not reached. */
function unreached(branch: Post): Post | undefined {
  if (branch.stopsSince === undefined || branch.phase === 'failed' || branch.parent === undefined)
    return undefined
  return branch.children.find(
    child =>
      isLiving(child) && child.state !== undefined && child.state !== 'CLOSING' && child.state !== 'CLOSED',
  )
}

export const dynamic: readonly Invariant[] = [
  {
    name: 'room-kept',
    promise: 'a dynamic supervisor never has more children than maxChildren says',
    spawns({ branch, known, most }, now) {
      if (now.length <= Math.max(most, known.length)) return undefined
      return `${branch.id} spawned one more beside ${known.length} children, and may have ${most}`
    },
    rests: facts => first(dynamicOnes(facts), branch => crowded(branch, facts)),
  },
  {
    name: 'exhausted-only-when-full',
    promise: 'a spawn is refused for want of room only when there is none, and always then',
    spawned({ branch, known, most, name, code }) {
      const isFull = known.length >= most
      if (code === 'EXO_CHILDREN_EXHAUSTED' && !isFull)
        return `${branch.id} says that it is full, with ${known.length} of ${most} children`
      return isFull && name !== undefined ? `${branch.id} spawned ${name} although it was full` : undefined
    },
  },
  {
    name: 'spawned-ids-unique',
    promise: 'the id that a supervisor gives is nobody else’s, and an id that is given is kept',
    spawned({ branch, id, known, name }) {
      if (name === undefined) return undefined
      if (id === undefined && known.includes(name)) return `${branch.id} gave the id ${name} again`
      return id !== undefined && id !== name ? `${branch.id} calls ${id} ${name}` : undefined
    },
  },
  {
    name: 'ended-for-good-is-forgotten',
    promise: 'a dynamic supervisor keeps nothing of a child that has ended for good',
    rests: facts => first(dynamicOnes(facts), branch => kept(branch, facts)),
  },
  {
    name: 'none-created-anew',
    promise: 'a dynamic supervisor begins without children, also after a restart',
    hears({ type }, post) {
      if (type !== 'ready' || !post.isDynamic) return undefined
      const early = post.children.find(isLiving)
      return early && `${post.id} is READY and has ${early.id} already`
    },
  },
  {
    name: 'dynamic-stop-at-one-time',
    promise: 'a dynamic supervisor that closes stops all of its children at one time',
    rests: facts =>
      first(dynamicOnes(facts), branch => {
        const late = branch.state === 'CLOSING' ? unreached(branch) : undefined
        return late && `${branch.id} is CLOSING, and ${late.id} is ${late.state}`
      }),
  },
]

function first(branches: readonly Post[], ask: (branch: Post) => Finding): Finding {
  for (const branch of branches) {
    const finding = ask(branch)
    if (finding) return finding
  }
  return undefined
}
