import { z } from 'zod'
import type { LifecycleState } from '../../../machines/lifecycle.ts'
import type { ErrorRecord } from '../../errors.ts'
import type { ChildSpecData } from '../../supervision/child-spec.ts'
import type { SupervisionEvent, SupervisionRecord, WindowFill } from '../../supervision/types.ts'

/** The version of these messages. A viewer of another version asks for a reload of itself. */
export const viewVersion = 1

/** One resource in a list: what can be told of ten thousand of them. Plain data. */
export interface ActorRow {
  /** Where it stands, e.g. `node/peers/peer:attic`. Unique at any moment. */
  readonly path: string
  /** The path of its supervisor; empty for the root. */
  readonly parent: string
  readonly name: string
  readonly displayName: string
  readonly kind: string
  readonly state: LifecycleState
  readonly incarnation: number
  readonly restarts: number
  /** When it came into this state, in milliseconds since 1970. */
  readonly since: number
  readonly suspended: boolean
  /** The code of its last error. */
  readonly error?: string
}

/** One transition that a machine took. */
export interface TransitionRecord {
  readonly path: string
  readonly incarnation: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The type of the event that was taken. */
  readonly event: string
  /** State values before and after, as XState writes them. */
  readonly from: unknown
  readonly to: unknown
}

/** One resource that somebody looks at: everything. */
export interface ActorDetail {
  readonly row: ActorRow
  /** The id of its machine, a key of {@link Hello.machines}. */
  readonly machine: string
  /** The state value of its machine, nested states included. */
  readonly value: unknown
  /** Undefined for the root. */
  readonly spec?: ChildSpecData
  readonly window?: WindowFill
  readonly attempt?: number
  readonly circuit?: 'closed' | 'open' | 'half_open'
  /** When the next restart comes, in milliseconds since 1970. */
  readonly nextAttemptAt?: number
  readonly mailbox: { readonly waiting: number; readonly deadLetters: number; readonly lateAnswers: number }
  readonly lastError?: ErrorRecord
  readonly lastHealth?: unknown
  readonly lastTransition?: TransitionRecord
  /** Its last events, oldest first; their times are milliseconds since 1970. */
  readonly history: readonly SupervisionEvent[]
}

/** One entry of the journal: what happened, in the order of happening. */
export interface JournalLine {
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The times in it too are milliseconds since 1970. */
  readonly event: SupervisionRecord | RowsEvent
}

/** How the rows changed at one moment: with the supervision events this is all that time travel needs. */
export interface RowsEvent {
  readonly type: 'rows'
  readonly changed: readonly ActorRow[]
  readonly removed: readonly string[]
}

/** Figures of one moment. */
export interface FiguresSample {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly tokensPerSecond: number
  /** Milliseconds from a request to its first token: the median of the last minute; absent without a request. */
  readonly timeToFirstToken?: number
  /** Generations that run, and those that wait. */
  readonly running: number
  readonly waiting: number
  /** Restarts since the node began. */
  readonly restarts: number
  /** Milliseconds, at the 99th percentile since the sample before. */
  readonly eventLoopDelay: number
  /** Resident bytes of the node, and of the processes of its resources, by path. */
  readonly memory: number
  readonly processes: Readonly<Record<string, number>>
}

/** What a cluster looks like from this node. */
export interface ClusterView {
  readonly nodes: readonly {
    readonly id: string
    readonly name: string
    /** This node itself. */
    readonly self?: true
    readonly state: LifecycleState
    /** Round trip in milliseconds, the median of the last ones; absent before the first. */
    readonly latency?: number
  }[]
  /** The placement that serves now, first stage first. */
  readonly placement?: {
    readonly epoch: number
    readonly stages: readonly {
      /** The name of the node. */
      readonly node: string
      readonly layers: readonly [first: number, endExclusive: number]
      /** Milliseconds for one token: what the plan expected, and what was measured; absent where neither is known. */
      readonly predicted?: number
      readonly measured?: number
    }[]
  }
}

/** The first message of a stream. */
export interface Hello {
  readonly type: 'hello'
  readonly version: typeof viewVersion
  readonly node: {
    readonly name: string
    readonly id: string
    readonly pid: number
    readonly version: string
  }
  readonly startedAt: number
  readonly model?: { readonly name: string; readonly chat: boolean }
  /** Every machine by its id, as `machine.config` has it. */
  readonly machines: Readonly<Record<string, unknown>>
}

/**
 * What a viewer gets, in this order: hello, all rows in parts, then changes as they come. One that could not keep up for long gets all of
 * this anew: a further hello says that what it has of the tree is to be forgotten.
 */
export type ViewMessage =
  | Hello
  /** A part of all rows; `last` says that the tree is complete. */
  | { readonly type: 'rows'; readonly rows: readonly ActorRow[]; readonly last: boolean }
  /** What has changed in the last 50 to 100 ms; each path once. */
  | { readonly type: 'changes'; readonly changed: readonly ActorRow[]; readonly removed: readonly string[] }
  /** New lines of the journal; `dropped` counts those that this viewer was too slow for. */
  | { readonly type: 'journal'; readonly lines: readonly JournalLine[]; readonly dropped: number }
  | { readonly type: 'detail'; readonly detail: ActorDetail }
  /** Of actors that are watched. */
  | { readonly type: 'transitions'; readonly transitions: readonly TransitionRecord[] }
  | { readonly type: 'trace'; readonly path: string; readonly events: readonly TraceLine[] }
  | { readonly type: 'cluster'; readonly cluster: ClusterView }
  | { readonly type: 'figures'; readonly samples: readonly FiguresSample[] }
  | { readonly type: 'answer'; readonly id: number; readonly result?: unknown; readonly error?: ErrorRecord }

/** One message to, or answer of, an actor that is watched: a line of the sequence diagram. */
export interface TraceLine {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly type: string
  /** The path of the sender, where it is known. */
  readonly from?: string
  /** The message in short: at most 200 characters. */
  readonly text?: string
  readonly error?: ErrorRecord
}

const path = z.string().min(1).max(1_024)

/** What a viewer may say. Everything else is answered by EXO_REQUEST_INVALID and changes nothing. */
export const viewerMessage = z.discriminatedUnion('type', [
  /** From now on these actors are watched, with all details, and no others. */
  z.strictObject({ type: z.literal('watch'), paths: z.array(path).max(16) }),
  /** Journal lines after a sequence number that are still kept: answered by `journal`. */
  z.strictObject({ type: z.literal('journal'), after: z.int().min(0) }),
  z.strictObject({
    type: z.literal('command'),
    id: z.int().min(0),
    command: z.enum(['restart', 'reset', 'suspend', 'resume', 'degrade', 'fail', 'recover', 'close']),
    path,
    reason: z.string().max(500).exactOptional(),
  }),
])

export type ViewerMessage = z.output<typeof viewerMessage>
