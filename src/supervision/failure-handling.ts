import { detach } from '../concurrency/detach.ts'
import { type ExovisorError, toErrorRecord } from '../errors.ts'
import type { Environment } from '../resources/environment.ts'
import type { Incarnation } from '../resources/incarnation.ts'
import { aboutResource } from '../resources/log.ts'
import type { ResourceRef } from '../resources/types.ts'
import { directiveFor } from './decide.ts'
import { DegradedWatch } from './degraded-watch.ts'
import type { EventFacts } from './events/event.ts'
import type { Directive, Policy } from './policy.ts'

type AnyIncarnation = Incarnation<unknown, unknown, unknown>

/** What the handling of failures needs of its child. */
interface Failing {
  readonly ref: Pick<ResourceRef<unknown>, 'kind' | 'name' | 'incarnation'> & {
    readonly label: string
    readonly current: AnyIncarnation | undefined
  }
  readonly policy: Policy
  readonly environment: Environment
  /** True while somebody's word, not the policy, decides what comes next. */
  readonly isCommanded: boolean
  readonly isFirstStarting: boolean
  /** Grows with each command: who remembers an older one has no say any more. */
  readonly command: number
  /** True when its supervisor closes. */
  readonly isAbandoned: boolean
  emit(event: EventFacts): void
  /** It stays in ERROR: its policy does not act there. */
  left(error: ExovisorError): void
}

/** What is done when an incarnation fails, or is degraded for too long, up to the moment when it is CLOSED. */
export class FailureHandling {
  readonly #child: Failing
  /** Made when the child is DEGRADED for the first time. */
  #watch: DegradedWatch | undefined
  #verdict: ExovisorError | undefined
  #directive: Directive = 'restart'
  #stayedDegraded = false

  constructor(child: Failing) {
    this.#child = child
  }

  /** Why the current incarnation is being closed, or was. */
  get verdict(): ExovisorError | undefined {
    return this.#verdict
  }

  /** What the policy says of the last failure. */
  get directive(): Directive {
    return this.#directive
  }

  /** A new incarnation begins. */
  reset(): void {
    this.#verdict = undefined
    this.#directive = 'restart'
    this.#stayedDegraded = false
  }

  /** The child was told what to do. */
  freeze(): void {
    this.#watch?.stop()
  }

  adopt(policy: Policy): void {
    this.#watch?.adopt(policy)
  }

  /** True when the policy says of a fault of a READY or DEGRADED incarnation that it goes on as if nothing had been. */
  resumes(error: ExovisorError): boolean {
    const { isCommanded, policy } = this.#child
    if (isCommanded || this.#stayedDegraded) return false
    if (directiveFor(error, policy, 'failure') !== 'resume') return false
    this.#child.emit({ type: 'resumed', error, directive: 'resume' })
    return true
  }

  degraded(incarnation: AnyIncarnation, error: ExovisorError | undefined): void {
    this.#child.emit({ type: 'degraded', ...(error && { error }) })
    if (this.#child.isCommanded) return
    this.#watch ??= this.#createWatch()
    this.#watch.start(incarnation)
  }

  leftDegraded(): void {
    this.#watch?.stop()
  }

  /** It was healthy for long: soft restarts are counted from the beginning again. */
  forgive(): void {
    this.#watch?.forgive()
  }

  /** @param inStart it was not READY yet */
  failed(error: ExovisorError, inStart: boolean): void {
    const { isFirstStarting, isCommanded, policy } = this.#child
    const directive = directiveFor(error, policy, 'failure')
    // An incarnation in ERROR cannot go on.
    this.#directive = directive === 'resume' ? 'restart' : directive
    this.#child.emit({ type: inStart ? 'start_error' : 'failed', error, directive: this.#directive })
    if (isCommanded || this.#child.isCommanded) return
    if (isFirstStarting || this.#stayedDegraded || policy.on.includes('ERROR')) this.#terminate(error)
    else this.#child.left(error)
  }

  /** Closes the current incarnation; what comes after is decided when it is CLOSED. */
  #terminate(error: ExovisorError): void {
    const child = this.#child
    const { command, environment } = child
    const { current } = child.ref
    this.#verdict = error
    // Not at once: when thousands fail together, each has its turn.
    environment.scheduler.post(() => {
      // It may have been told something else meanwhile.
      if (command === child.command && !child.isAbandoned && current)
        detach(current.close(`failed: ${error.message}`))
    })
  }

  #createWatch(): DegradedWatch {
    const { policy, environment, ref } = this.#child
    return new DegradedWatch(policy, environment.clock, {
      softRestart: attempt => this.#child.emit({ type: 'soft_restart', count: attempt }),
      softRestartFailed: error =>
        aboutResource(environment, ref).warn(
          { error: toErrorRecord(error) },
          `the soft restart of ${ref.label} failed`,
        ),
      hardRestart: error => {
        this.#stayedDegraded = true
        this.#child.ref.current?.fail(error)
      },
    })
  }
}
