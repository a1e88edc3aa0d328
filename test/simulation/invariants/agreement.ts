import type { LifecycleState } from '../../../machines/lifecycle.ts'
import type { ChildSnapshot } from '../../../src/supervision/types.ts'
import type { Phase, Post } from '../ledger.ts'
import type { Facts, Finding, Invariant } from './invariant.ts'

/** The states in which a child may be shown after its last event. */
const shownAs: Readonly<Record<Phase, readonly LifecycleState[]>> = {
  none: ['UNINITIALIZED', 'CLOSED'],
  started: ['INITIALIZING', 'CLOSING'],
  ready: ['READY', 'CLOSING'],
  degraded: ['DEGRADED', 'CLOSING'],
  failed: ['ERROR', 'CLOSING'],
  ended: ['CLOSED'],
}

function differs(branch: Post, shown: readonly ChildSnapshot[]): Finding {
  for (const { id, state, incarnation } of shown) {
    const post = branch.children.find(child => child.id === id)
    if (post === undefined) return `${branch.id} shows ${id}, which nobody gave it`
    // A start that was overtaken by the end of the supervisor stays announced only.
    // So does one that waits for what it starts after.
    const mayWait = post.leaf?.start === false || post.starting > 0 || branch.stopsSince !== undefined
    // Or it was stopped while it waited, after an older life.
    const hasWaited = post.mayBeginAnew && post.phase === 'ended'
    if (state === 'UNINITIALIZED' && (mayWait || hasWaited)) continue
    if (!shownAs[post.phase].includes(state))
      return `${id} is shown ${state}, its last event left it ${post.phase}`
    // A supervisor's number goes on when an id is used again.
    if (post.phase !== 'none' && post.incarnation !== incarnation)
      return `${id} is shown as #${incarnation}, its last event was of #${post.incarnation}`
  }
  const lost = branch.children.find(
    ({ id, phase }) => phase !== 'none' && phase !== 'ended' && !shown.some(child => child.id === id),
  )
  return lost && `${branch.id} does not show ${lost.id}, which is ${lost.phase}`
}

const brief = ({ id, state, incarnation }: Brief): string => `${id}#${incarnation} ${state}`

interface Brief {
  readonly id: string
  readonly state: LifecycleState
  readonly incarnation: number
}

function pathOf({ id, parent }: Post): string {
  return parent ? `${pathOf(parent)}/${id}` : id
}

function registered(branch: Post, shown: readonly ChildSnapshot[], { registry }: Facts): Finding {
  const entries = registry.list({ parent: pathOf(branch) })
  const known = entries.map(entry => brief({ ...entry, id: entry.name })).toSorted()
  const wanted = shown.map(brief).toSorted()
  if (known.join() !== wanted.join())
    return `the registry shows ${known.join(', ')} below ${branch.id}, which shows ${wanted.join(', ')}`
  const byKind = new Map<string, ReturnType<typeof registry.routable>>()
  const offered = (kind: string) => {
    const known = byKind.get(kind) ?? registry.routable(kind)
    byKind.set(kind, known)
    return known
  }
  for (const { id, kind, state } of shown) {
    const suspended = branch.children.find(child => child.id === id)?.suspended
    if (kind === 'supervisor' || suspended === undefined) continue
    if (offered(kind).some(({ name }) => name === id) !== (state === 'READY' && !suspended))
      return `${id} is ${state}${suspended ? ' and suspended' : ''}, and ${state === 'READY' ? 'not offered' : 'offered'}`
  }
  return undefined
}

export const agreement: readonly Invariant[] = [
  {
    name: 'shows-what-happened',
    promise: 'the list of children agrees with their events',
    rests(facts: Facts) {
      for (const post of facts.ledger.posts.values()) {
        if (!post.branch || post.isBlurred) continue
        const shown = facts.shown(post)
        const finding = shown && differs(post, shown)
        if (finding) return finding
      }
      return undefined
    },
  },
  {
    name: 'registry-agrees',
    promise:
      'the registry shows the children of each supervisor as it does itself, offers those that are READY, and is empty in the end',
    rests(facts: Facts) {
      for (const post of facts.ledger.posts.values()) {
        // A supervisor that closes takes its children out one by one.
        const isWhole = post.branch && !post.isBlurred && post.stopsSince === undefined
        const shown = isWhole ? facts.shown(post) : undefined
        const finding = shown && registered(post, shown, facts)
        if (finding) return finding
      }
      return undefined
    },
    ends: ({ registry }) =>
      registry.size > 0 ? `${registry.size} resources are still registered` : undefined,
  },
  {
    name: 'time-goes-on',
    promise: 'events carry the time of the clock at which they happened',
    hears: ({ at, type }, post, { reading }) =>
      at === reading ? undefined : `${type} of ${post.id} says ${at} at ${reading}`,
  },
]
