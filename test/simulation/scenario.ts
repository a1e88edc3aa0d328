import type { MailboxPolicy } from '../../src/actors/mailbox-policy.ts'
import type { Policy, RestartType } from '../../src/supervision/policy.ts'
import type { AutoShutdown, StrategyName, SupervisionEventType } from '../../src/supervision/types.ts'

/** How `initialize` of one life goes. */
export type Start =
  | 'ok'
  /** Rejects. */
  | 'throws'
  /** Throws before it has returned a promise. */
  | 'throws at once'
  /** Settles only if it heeds its signal, when that is aborted. */
  | 'never settles'
  /** Gives a thenable that resolves and then rejects. */
  | 'settles twice'
  /** Calls its own `fail`, and then goes well. */
  | 'fails itself'
  /** Calls its own `end`, and then goes well. */
  | 'ends itself'
  /** Says that it is not wanted. */
  | 'ignores'

/** What a life does by itself some time after its start. */
interface Turn {
  /** Milliseconds after it was initialised. */
  readonly after: number
  readonly what: 'fail' | 'degrade' | 'recovered' | 'end'
}

/** One life of a leaf, from `initialize` to the end of `cleanup`. Times in milliseconds. */
export interface LifePlan {
  readonly start: Start
  readonly startAfter: number
  /** Microtasks that pass before anything else. */
  readonly hops: number
  readonly heedsAbort: boolean
  readonly cleanup: 'ok' | 'throws' | 'hangs'
  readonly cleanupAfter: number
  /** From when to when health checks go wrong, counted from the start. */
  readonly sick?: { readonly from: number; readonly to: number; readonly how: 'throws' | 'hangs' }
  readonly recover: 'ok' | 'throws' | 'hangs'
  readonly turns: readonly Turn[]
}

/** What a child says of its siblings. */
export interface Relations {
  readonly dependsOn?: readonly string[]
  readonly after?: readonly string[]
  readonly requires?: readonly string[]
}

export interface LeafPlan extends Relations {
  readonly id: string
  /** The template that it is made of, if it is. */
  readonly kind?: string
  readonly restart: RestartType
  readonly policy: Policy
  /** False: known but not started. */
  readonly start: boolean
  readonly mailbox: number | MailboxPolicy
  /** Its own end may end its supervisor. */
  readonly significant?: boolean
  readonly checksHealth: boolean
  readonly recovers: boolean
  /** One after the other; later lives go well. */
  readonly lives: readonly LifePlan[]
}

export interface BranchPlan {
  readonly id: string
  readonly restart: RestartType
  readonly policy: Policy
  readonly strategy: StrategyName
  readonly intensity?: Policy['intensity']
  readonly autoShutdown?: AutoShutdown
  readonly concurrentStarts?: number
  readonly dependsOn?: readonly string[]
  readonly children: readonly NodePlan[]
  /** What the children of a dynamic one are made of; it has no others. Its lives belong to nobody. */
  readonly template?: LeafPlan
  readonly maxChildren?: number
}

export type NodePlan = LeafPlan | BranchPlan

export const isBranch = (node: NodePlan): node is BranchPlan => 'children' in node

/** What the handler of a message does. */
export type Handling =
  | 'answers'
  | 'answers late'
  | 'throws'
  | 'never answers'
  | 'fails itself'
  | 'degrades itself'
  | 'ends itself'
  /** Asks the supervisor to stop the child that handles the message, and answers when that is done. */
  | 'has itself stopped'

/** What a reload changes in a child: nothing that an incarnation under way has taken over. */
export type ReloadedPolicy = Pick<Policy, 'backoff' | 'intensity'> & { readonly restart?: RestartType }

/** What a reload changes in a supervisor. What is not named stays. */
export interface Reshaping {
  readonly strategy?: StrategyName
  readonly intensity?: Policy['intensity']
  readonly concurrentStarts?: number
  readonly maxChildren?: number
  /** For all children of a dynamic one, those to come included. */
  readonly policy?: ReloadedPolicy
  /** What each child says of the others from now on, under dependency_closure. */
  readonly relations?: Readonly<Record<string, Relations>>
  /** Known from now on, and not started. */
  readonly added?: readonly LeafPlan[]
}

/** One thing that happens to the world. Ids that are not there are passed over. */
export type Action =
  /** Time passes; each timer fires at its own time. */
  | { readonly do: 'advance'; readonly ms: number }
  /** The process hung for so long: what was due meanwhile fires late, at one moment. */
  | { readonly do: 'leap'; readonly ms: number }
  /** The time that is read jumps, also back; timers do not hear of it. */
  | { readonly do: 'skew'; readonly ms: number }
  | { readonly do: 'hop'; readonly count: number }
  | { readonly do: 'fail' | 'degrade' | 'self fail' | 'recovered' | 'end'; readonly id: string }
  | { readonly do: 'tell'; readonly id: string; readonly how: Handling }
  | {
      readonly do: 'ask'
      readonly id: string
      readonly how: Handling
      readonly timeout: number
      readonly abortAfter?: number
    }
  | { readonly do: 'await'; readonly id: string; readonly timeout: number }
  | { readonly do: 'stop' | 'restart' | 'remove' | 'start again'; readonly id: string }
  | { readonly do: 'suspend' | 'resume'; readonly id: string }
  /** Takes over another policy of a leaf; or a list that is wrong, which changes nothing. */
  | { readonly do: 'reload'; readonly id: string; readonly policy: ReloadedPolicy | 'wrong' }
  | { readonly do: 'reshape'; readonly id: string; readonly to: Reshaping }
  | { readonly do: 'add'; readonly to: string; readonly leaf: LeafPlan }
  /** Without an id the supervisor gives one. An id that was there before goes on with the lives that it has left. */
  | { readonly do: 'spawn'; readonly in: string; readonly id?: string; readonly lives: readonly LifePlan[] }
  /** To the supervisor whose event is being heard, for an ambush; the root is closed. */
  | { readonly do: 'strike'; readonly how: 'stop' | 'restart' | 'remove' }
  | { readonly do: 'close' }
  /** Waits for the next event of a type and then does something inside of its listener. */
  | { readonly do: 'ambush'; readonly on: SupervisionEventType; readonly actions: readonly Action[] }

/** A whole world and all that will happen to it, as plain data: a saved one stays what it is when the drawing changes. */
export interface Scenario {
  readonly seed: number
  readonly root: BranchPlan
  readonly script: readonly Action[]
}

/** Each node of a tree, parents first. */
export function* nodesOf(node: NodePlan): Generator<NodePlan> {
  yield node
  if (isBranch(node)) for (const child of node.children) yield* nodesOf(child)
}
