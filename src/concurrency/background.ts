import { ExovisorError } from '../errors.ts'
import type { Clock } from './clock.ts'
import { CancelScope } from './scope.ts'
import { Task } from './task.ts'
import type { TaskPlace, TaskRegistry } from './task-registry.ts'
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

/** How a background task is called. */
export interface BackgroundSpawnOptions {
  /**
   * The scope of the task that begins it, under which it then stands in the registry. It is the background's all the same, and goes on when
   * that one has ended. Default: none.
   */
  readonly begunBy?: CancelScope | undefined
  /** Whether somebody waits for its result, who alone is then told of its failure. Default: false. */
  readonly awaited?: boolean
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
    const { clock, owner, registry } = options
    this.#scope = new CancelScope({ clock, name: `the background of ${owner}` })
    if (registry) this.#scope.place = { registry, owner }
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
  spawn<T>(
    name: string,
    work: (scope: CancelScope) => T | PromiseLike<T>,
    { begunBy, awaited = false }: BackgroundSpawnOptions = {},
  ): Task<T> {
    const scope = new CancelScope({ scope: this.#scope, name })
    scope.place = this.#placeUnder(begunBy?.place)
    const task = new Task<T>(scope)
    this.#running.add(task)
    const ended = (): void => {
      this.#running.delete(task)
      if (task.status === 'failed' && !awaited) this.#options.onFailure(task.error, name)
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

  /** Its tasks are its own, whoever begins them; a number of another registry means nothing in this one. */
  #placeUnder(beginner: TaskPlace | undefined): TaskPlace | undefined {
    const { place } = this.#scope
    if (!place || beginner?.task === undefined || beginner.registry !== place.registry) return place
    return { ...place, task: beginner.task }
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
