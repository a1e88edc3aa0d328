import { ExovisorError, thrownText } from '../errors.ts'
import {
  type Cancellation,
  type CancelSource,
  cancelSource,
  isCancellation,
  refuseCancelled,
} from './cancellation.ts'
import { deferred } from './deferred.ts'
import { TaskGroupError } from './group-errors.ts'
import { CancelScope, type ScopeOptions } from './scope.ts'
import { Task } from './task.ts'

/** How a task is called. */
export interface SpawnOptions {
  /** Names it in messages. Default: `task N of` the group, in the order of their making. */
  readonly name?: string
}

/** How a task is started that says when it is ready. */
export interface StartOptions extends SpawnOptions {
  /** Gives up the waiting, and cancels the task, until it is ready. Default: only the group does. */
  readonly cancellation?: Cancellation
}

/** A task that has said that it is ready, and what it has said. */
export interface Started<R, T> {
  readonly value: R
  readonly task: Task<T>
}

const nothing = (): void => undefined

/**
 * Tasks that end together: nobody leaves the group before the last of them has settled, and the first failure cancels the rest.
 * Made by {@link withTaskGroup} and {@link openTaskGroup}.
 */
export class TaskGroup {
  /** The scope around all tasks of the group; its body waits in it too. */
  readonly scope: CancelScope
  #running = 0
  #made = 0
  /** A set, since a body that waits for the result of a task throws the same error again. */
  readonly #failures = new Set<unknown>()
  #isCutShort = false
  #foreign: unknown
  #hasEnded = false
  #wake = nothing

  /** @internal */
  constructor(options: ScopeOptions) {
    this.scope = new CancelScope({ ...options, name: options.name ?? 'the task group' })
  }

  /** How many tasks have not settled yet. */
  get running(): number {
    return this.#running
  }

  /** Cancels all tasks and the body. A group that ends by this throws nothing. Only the first reason counts. */
  cancel(reason?: unknown): void {
    this.scope.cancel(reason)
  }

  /**
   * Begins a task, in a microtask of its own. It may be done from anywhere as long as the group has not ended, also by tasks while the
   * group waits for its last ones, and the task is this group's and nobody else's: it is cancelled with the group, not with whoever
   * spawned it. In a group that is cancelled it begins cancelled: its first checkpoint throws.
   *
   * @throws EXO_RESOURCE_CLOSED when the group has ended
   *
   * @example
   * group.spawn(scope => scope.run(signal => upload(file, signal)), { name: `upload of ${file}` })
   */
  spawn<T>(work: (scope: CancelScope) => T | PromiseLike<T>, options: SpawnOptions = {}): Task<T> {
    const task = this.#make<T>(options)
    queueMicrotask(() => void task.run(work, this.#count))
    return task
  }

  /**
   * Begins a task and waits until it says that it is ready, e.g. until a server listens. From then on it is a task like any other. What it
   * throws before goes to the caller of `start` alone; the group goes on, and still waits for the task's end.
   *
   * @throws EXO_TASKS_FAILED if the task ended without having said that it is ready
   * @throws EXO_ABORTED if the group or the caller was cancelled before; or what the task threw before
   * @throws EXO_RESOURCE_CLOSED when the group has ended
   *
   * @example
   * const { value: port } = await group.start(async (scope, ready: (port: number) => void) => {
   *   const server = await listen()
   *   ready(server.port)
   *   await scope.forever().finally(() => server.close())
   * })
   */
  start<T>(
    work: (scope: CancelScope, ready: () => void) => T | PromiseLike<T>,
    options?: StartOptions,
  ): Promise<Started<void, T>>
  start<R, T>(
    work: (scope: CancelScope, ready: (value: R) => void) => T | PromiseLike<T>,
    options?: StartOptions,
  ): Promise<Started<R, T>>
  start<R, T>(
    work: (scope: CancelScope, ready: (value?: R) => void) => T | PromiseLike<T>,
    options: StartOptions = {},
  ): Promise<Started<R | undefined, T>> {
    const { promise, resolve, reject } = deferred<Started<R | undefined, T>>()
    const refuse = (error: unknown): void => {
      reject(error)
      // Nobody has to look at it: cancelling is no failure.
      if (isCancellation(error)) promise.catch(nothing)
    }
    try {
      refuseCancelled(options.cancellation)
      const task = this.#make<T>(options)
      const caller = cancelSource(options.cancellation)
      const forget = caller.onCancel(() => task.cancel(caller.cancelled()))
      let isReady = false
      const ready = (value?: R): void => {
        isReady = true
        forget()
        resolve({ value, task })
      }
      const ended = (): void => {
        forget()
        if (isReady) this.#count(task)
        else {
          refuse(unready(task, caller))
          this.#leave(task)
        }
      }
      queueMicrotask(() => void task.run(scope => work(scope, ready), ended))
    } catch (error) {
      refuse(error)
    }
    return promise
  }

  /** @internal The body has thrown; whatever it was, the tasks are not to go on without it. */
  bodyThrew(error: unknown): void {
    if (!isCancellation(error)) this.#fail(error)
    else {
      this.#isCutShort = true
      // One that the group knows nothing of: there is no result, and the caller must hear why.
      if (!this.scope.isCancelled) this.#foreign = error
      this.scope.cancel(error)
    }
  }

  /** @internal Waits until no task runs; none can be spawned from then on. */
  async settled(): Promise<void> {
    while (this.#running > 0)
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    this.#hasEnded = true
    this.scope.close()
  }

  /** @internal Throws what has failed. */
  throwFailures(): void {
    if (this.#failures.size === 0) return
    const failures = [...this.#failures]
    const count = failures.length === 1 ? 'a task' : `${failures.length} tasks`
    throw new TaskGroupError(failures, `${count} of ${this.scope.name} failed: ${thrownText(failures[0])}`)
  }

  /** @internal Throws what has failed, or else the cancellation from outside that has cut anything short. */
  conclude(): void {
    this.throwFailures()
    if (!this.#isCutShort) return
    if (this.scope.outer) throw this.scope.outer
    if (this.#foreign) throw this.#foreign
    this.scope.caught()
  }

  #make<T>({ name }: SpawnOptions): Task<T> {
    if (this.#hasEnded)
      throw new ExovisorError('EXO_RESOURCE_CLOSED', `${this.scope.name} has ended and takes no more tasks`)
    this.#made += 1
    const scope = new CancelScope({
      scope: this.scope,
      name: name ?? `task ${this.#made} of ${this.scope.name}`,
    })
    this.#running += 1
    return new Task<T>(scope)
  }

  readonly #count = (task: Task): void => {
    if (task.status === 'failed') this.#fail(task.error)
    this.#leave(task)
  }

  #fail(error: unknown): void {
    this.#failures.add(error)
    this.scope.cancel(error)
  }

  #leave(task: Task): void {
    if (task.cutShortBy) this.#isCutShort = true
    this.#running -= 1
    if (this.#running === 0) this.#wake()
  }
}

/** Why a task that was to say that it is ready never will be. */
function unready(task: Task, caller: CancelSource): unknown {
  if (task.status === 'failed') return task.error
  if (caller.isCancelled) return caller.cancelled()
  if (task.scope.isCancelled) return task.scope.cancelled()
  if (task.status === 'cancelled') return task.error
  return new ExovisorError('EXO_TASKS_FAILED', `${task.name} ended without having said that it is ready`)
}

/**
 * Runs a body that may spawn tasks, and leaves only when the body and every task have settled. The first failure, of the body or of a
 * task, cancels all the others; what has failed is thrown together. The semantics are those of trio's nursery.
 *
 * @returns what the body gives; undefined if the group's own cancellation or deadline has cut the body short
 * @throws TaskGroupError (EXO_TASKS_FAILED) with every real failure in it, also if there is only one
 * @throws EXO_ABORTED if nothing failed, and a cancellation from outside has cut the body or a task short
 *
 * @example
 * await withTaskGroup(async group => {
 *   for (const peer of peers) group.spawn(scope => scope.run(signal => greet(peer, signal)))
 * })
 * // All peers are greeted here; or the first that could not be has stopped the rest, and its error is thrown.
 */
export async function withTaskGroup<T>(
  body: (group: TaskGroup) => T | PromiseLike<T>,
  options: ScopeOptions = {},
): Promise<T | undefined> {
  const group = new TaskGroup(options)
  let value: T | undefined
  try {
    value = await body(group)
  } catch (error) {
    group.bodyThrew(error)
  }
  await group.settled()
  group.conclude()
  return value
}
