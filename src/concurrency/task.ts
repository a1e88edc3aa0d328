import { type Cancelled, isCancellation } from './cancellation.ts'
import { type Deferred, deferred } from './deferred.ts'
import { type EnteredWork, enterWork } from './enter-work.ts'
import type { CancelScope } from './scope.ts'

/** How a task stands: a failure of one is its group's; `cancelled` says that a cancellation has cut it short. */
export type TaskStatus = 'running' | 'done' | 'failed' | 'cancelled'

const nothing = (): void => undefined

/** One piece of work of a task group. It is made by `spawn` or `start` of the group. */
export class Task<T = unknown> {
  readonly name: string
  /** The scope of this task alone, inside that of its group. */
  readonly scope: CancelScope
  /** The time of the group's clock at which it was made. */
  readonly startedAt: number
  #status: TaskStatus = 'running'
  #outcome: unknown
  #waiting: Deferred<T> | undefined
  readonly #entered: EnteredWork | undefined

  /** @internal Takes its place in the registry, if what is around it has one. */
  constructor(scope: CancelScope) {
    this.name = scope.name
    this.scope = scope
    this.startedAt = scope.clock.now()
    if (scope.place) {
      this.#entered = enterWork(scope.place, scope.name, scope)
      scope.place = this.#entered.place
    }
  }

  get status(): TaskStatus {
    return this.#status
  }

  /**
   * What the work gives. Rejects with what it has thrown, or with the {@link Cancelled} that cut it short; such a rejection is never an
   * unhandled one, since the group knows of it. Whoever may be cancelled while he waits for it waits with `scope.wait(task.result)`.
   */
  get result(): Promise<T> {
    if (!this.#waiting) {
      this.#waiting = deferred<T>()
      this.#waiting.promise.catch(nothing)
      this.#tell()
    }
    return this.#waiting.promise
  }

  /** Cancels this task and nothing else. The group still waits until it has ended. */
  cancel(reason?: unknown): void {
    this.scope.cancel(reason)
  }

  /** @internal Runs the work to its end, and never rejects. */
  async run(work: (scope: CancelScope) => T | PromiseLike<T>, ended: (task: Task<T>) => void): Promise<void> {
    try {
      this.#outcome = await work(this.scope)
      this.#status = 'done'
    } catch (error) {
      this.#outcome = error
      this.#status = isCancellation(error) ? 'cancelled' : 'failed'
    }
    this.scope.close()
    this.#entered?.end()
    this.#tell()
    ended(this)
  }

  /** @internal What it has thrown. */
  get error(): unknown {
    return this.#outcome
  }

  /** @internal The cancellation from outside that has cut it short, unless it was the task's own. */
  get cutShortBy(): Cancelled | undefined {
    return this.#status === 'cancelled' ? this.scope.outer : undefined
  }

  #tell(): void {
    if (this.#status === 'running') return
    if (this.#status === 'done') this.#waiting?.resolve(this.#outcome as T)
    else this.#waiting?.reject(this.#outcome)
  }
}
