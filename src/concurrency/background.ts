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
  /** Never closed: nothing is around it and it has no deadline, and what is spawned too late must still find it cancelled. */
  readonly #scope: CancelScope
  readonly #running = new Set<Task<unknown>>()
  #wake = (): void => undefined

  constructor(options: BackgroundOptions) {
    this.#options = options
    this.#scope = new CancelScope({ clock: options.clock, name: `the background of ${options.owner}` })
  }

  /** The names of the tasks that have not ended, in the order of their starts. */
  get running(): readonly string[] {
    return [...this.#running].map(({ name }) => name)
  }

  /**
   * Begins a task, in a microtask of its own. After {@link cancel} the work is not begun any more, and its task is a cancelled one: an owner
   * that is about to end has timers and listeners which do not know it yet.
   *
   * @param name what it does, e.g. `announce`
   */
  spawn<T>(name: string, work: (scope: CancelScope) => T | PromiseLike<T>): Task<T> {
    const { owner, registry, onFailure } = this.#options
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
    const begin = (scope: CancelScope): T | PromiseLike<T> => {
      scope.checkpoint()
      return work(scope)
    }
    queueMicrotask(() => void task.run(begin, ended))
    return task
  }

  /** Cancels all tasks. Only the first reason counts. */
  cancel(reason?: unknown): void {
    this.#scope.cancel(reason)
  }

  /**
   * Cancels all tasks and waits until they have ended, but no longer than `limit` milliseconds.
   *
   * @throws EXO_TASK_LEAKED naming those that have not ended; they stay in the registry until they do
   */
  async close(limit: number, reason?: unknown): Promise<void> {
    this.cancel(reason)
    if (this.#running.size > 0) await this.#ended(limit)
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
    }
  }
}
