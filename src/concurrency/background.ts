import { ExovisorError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { CancelScope } from './scope.ts'
import { Task } from './task.ts'
import type { TaskRegistry } from './task-registry.ts'
import { waitFor } from './wait-for.ts'

/** Whose tasks they are. */
export interface BackgroundOptions {
  /** The path of the owner, e.g. `node/discovery:udp`: under this name the tasks stand in the registry. */
  readonly owner: string
  readonly clock: Clock
  /** Where they can be seen while they run. Default: nowhere. */
  readonly registry?: TaskRegistry | undefined
  /** Told of each task that has thrown something which is no cancellation. The others go on. */
  readonly onFailure: (error: unknown, task: string) => void
}

/**
 * The background tasks of one owner that has no block to hold them: of a resource, from its start to its end. Unlike those of a task
 * group they do not fail together. No task outlives its owner unseen: closing cancels them all, waits, and names those that do not end.
 */
export class Background {
  readonly #options: BackgroundOptions
  readonly #scope: CancelScope
  readonly #running = new Set<Task<unknown>>()
  #wake = (): void => undefined
  #isClosed = false

  constructor(options: BackgroundOptions) {
    this.#options = options
    this.#scope = new CancelScope({ clock: options.clock, name: `the background of ${options.owner}` })
  }

  /** The names of the tasks that have not ended, in the order of their starts. */
  get running(): readonly string[] {
    return [...this.#running].map(({ name }) => name)
  }

  /**
   * Begins a task, in a microtask of its own. One that is begun after {@link cancel} begins cancelled.
   *
   * @param name what it does, e.g. `announce`
   * @throws EXO_RESOURCE_CLOSED when it is closed
   */
  spawn<T>(name: string, work: (scope: CancelScope) => T | PromiseLike<T>): Task<T> {
    const { owner, registry, onFailure } = this.#options
    if (this.#isClosed)
      throw new ExovisorError(
        'EXO_RESOURCE_CLOSED',
        `${owner} has ended and takes no task ${JSON.stringify(name)}`,
      )
    const task = new Task<T>(new CancelScope({ scope: this.#scope, name }))
    const entry = registry?.begin({ name, owner })
    task.scope.onCancel(() => entry?.cancelling())
    this.#running.add(task)
    const ended = (): void => {
      entry?.ended()
      this.#running.delete(task)
      if (task.status === 'failed') onFailure(task.error, name)
      if (this.#running.size === 0) this.#wake()
    }
    queueMicrotask(() => void task.run(work, ended))
    return task
  }

  /** Cancels all tasks. Only the first reason counts. */
  cancel(reason?: unknown): void {
    this.#scope.cancel(reason)
  }

  /**
   * Cancels all tasks and waits until they have ended, but no longer than `limit` milliseconds. None can be begun from then on.
   *
   * @throws EXO_TASK_LEAKED naming those that have not ended; they stay in the registry until they do
   */
  async close(limit: number, reason?: unknown): Promise<void> {
    this.#isClosed = true
    this.cancel(reason)
    if (this.#running.size > 0) await this.#ended(limit)
    this.#scope.close()
  }

  async #ended(limit: number): Promise<void> {
    const { owner, clock } = this.#options
    const ended = new Promise<void>(resolve => {
      this.#wake = resolve
    })
    try {
      await waitFor(ended, clock, `the tasks of ${owner}`, { timeout: limit })
    } catch (cause) {
      const { running } = this
      throw new ExovisorError(
        'EXO_TASK_LEAKED',
        `${running.join(', ')} of ${owner} did not end within ${limit} ms after being cancelled`,
        { cause, details: { owner, tasks: running } },
      )
    } finally {
      this.#scope.close()
    }
  }
}
