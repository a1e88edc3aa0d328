import type { AnyLifecycleMachine, LifecycleState } from '../../machines/lifecycle.ts'
import type { ErrorRecord } from '../errors.ts'
import type { HealthRecord } from './health.ts'
import type { ResourceRef } from './types.ts'

/** What a registry tells of one resource: plain data. */
export interface RegistryEntry {
  /** Where it stands: the path of its supervisor and its own id, e.g. `node/peers/peer:attic`. */
  readonly path: string
  /** The path of its supervisor; empty for a root. */
  readonly parent: string
  readonly kind: string
  /** Its id among the children of its supervisor. */
  readonly name: string
  readonly displayName: string
  readonly state: LifecycleState
  readonly incarnation: number
  /** The ids of the siblings that it depends on. */
  readonly dependencies: readonly string[]
  /** The clock's time of the last change of state. */
  readonly since: number
  readonly restarts: number
  readonly lastError?: ErrorRecord
  readonly lastHealth?: HealthRecord
  readonly suspended: boolean
  /** True when it is offered for routing: READY and not suspended. */
  readonly routable: boolean
}

/** A resource as a registry keeps it: itself, asked whenever somebody wants to know. */
export interface RegistrySource {
  /** The path of its supervisor; empty for a root. */
  readonly parent: string
  readonly id: string
  readonly kind: string
  readonly state: LifecycleState
  readonly suspended: boolean
  readonly ref: ResourceRef<unknown, unknown>
  /** The machine that draws its life. */
  readonly machine?: AnyLifecycleMachine
  /** Kept by the registry that it is in: a mark on each source costs less than looking it up at each change. Undefined while it is in none. */
  standing?: 'known' | 'routable' | undefined
  /** Everything about it, made at the moment of the call. */
  entry(): RegistryEntry
}

/** Which resources are meant; a field that is left out means all. */
export interface RegistryFilter {
  readonly kind?: string
  /** The path of a supervisor: its own children. */
  readonly parent?: string
}

/** What happened to one resource, and what it is now. */
export interface RegistryChange {
  readonly type: 'added' | 'changed' | 'removed'
  readonly entry: RegistryEntry
}

/** How many resources there are, by kind and by state. States in which none is are left out. */
export type RegistryCounts = Readonly<Record<string, Readonly<Partial<Record<LifecycleState, number>>>>>

/** How many messages wait, by kind: in all mailboxes together, and in the fullest. */
export type RegistryMailboxes = Readonly<
  Record<string, { readonly waiting: number; readonly longest: number }>
>
