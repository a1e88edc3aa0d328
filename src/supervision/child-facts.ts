import type { AnyLifecycleMachine, LifecycleState } from '../../machines/lifecycle.ts'
import { ExovisorError } from '../errors.ts'
import type { Environment } from '../resources/environment.ts'
import type { Ref } from '../resources/ref.ts'
import { registryEntry } from '../resources/registry-entry.ts'
import type { RegistryEntry, RegistrySource } from '../resources/registry-types.ts'
import type { ChildHost } from './child-host.ts'
import type { ChildHistory } from './events/child-history.ts'
import type { EventSubject } from './events/event.ts'
import type { Policy } from './policy.ts'
import { RestartRecord } from './restart-record.ts'
import type { AnyChildSpec, WindowFill } from './types.ts'

/** What can be seen of a child, and changes only with its spec or its incarnations. */
export abstract class ChildFacts implements RegistrySource, EventSubject {
  readonly ref: Ref<unknown, unknown, unknown>
  readonly record: RestartRecord
  standing: RegistrySource['standing']
  /** Kept by the events of the supervisor. */
  history: ChildHistory | undefined
  protected readonly host: ChildHost
  #spec: AnyChildSpec
  #policy: Policy

  constructor(spec: AnyChildSpec, policy: Policy, host: ChildHost, ref: Ref<unknown, unknown, unknown>) {
    this.#spec = spec
    this.#policy = policy
    this.host = host
    this.ref = ref
    this.record = new RestartRecord(policy)
  }

  get id(): string {
    return this.#spec.id
  }

  get kind(): string {
    return this.ref.kind
  }

  get machine(): AnyLifecycleMachine {
    return this.#spec.resource.machine
  }

  get state(): LifecycleState {
    return this.ref.state
  }

  /** The path of its supervisor. */
  get parent(): string {
    return this.host.path
  }

  get suspended(): boolean {
    return this.ref.suspended
  }

  /** True when its supervisor closes. */
  get isAbandoned(): boolean {
    return this.host.isStopping
  }

  get spec(): AnyChildSpec {
    return this.#spec
  }

  get policy(): Policy {
    return this.#policy
  }

  get environment(): Environment {
    return this.host.environment
  }

  /** Restarts in a row. */
  get attempt(): number {
    return this.record.attempt(this.now)
  }

  /** True when it was told to stop, or has ended for good. */
  get isStopped(): boolean {
    if (this.isAwaited) return false
    // Without an incarnation it may be about to get its first one.
    if (this.ref.current === undefined) return this.ref.ended || !this.isCommanded
    return this.ref.state === 'CLOSED' && this.ref.ended
  }

  /** True while somebody's word, not its policy, decides what comes next. */
  abstract get isCommanded(): boolean

  /** True while somebody waits for its first start. */
  abstract get isAwaited(): boolean

  /** True when it is stopped and no circuit will try it again. */
  get isGone(): boolean {
    return this.isStopped && this.record.circuit === 'closed'
  }

  windowFill(): WindowFill {
    return this.record.fill(this.now)
  }

  entry(): RegistryEntry {
    const { dependsOn = [] } = this.#spec
    return registryEntry(this.ref.snapshot(), {
      parent: this.parent,
      suspended: this.suspended,
      dependencies: dependsOn,
    })
  }

  protected closedError(reason: string): ExovisorError {
    const cause = this.ref.current?.failure
    return new ExovisorError('EXO_RESOURCE_CLOSED', `${this.ref.label} is closed: ${reason}`, { cause })
  }

  protected get now(): number {
    return this.host.environment.clock.now()
  }

  /** A new spec and policy. The ref stays one of the incarnation that runs: its messages are for the definition that it was made of. */
  protected replace(spec: AnyChildSpec, policy: Policy): void {
    this.#spec = spec
    this.#policy = policy
    this.record.adopt(policy)
  }
}
