import { isCancellation } from './cancellation.ts'
import type { CancelScope, ScopeOptions } from './scope.ts'
import { type TaskGroup, withTaskGroup } from './task-group.ts'
import { wholeOrInfinite } from './whole-number.ts'

/** How works are gathered. */
export interface GatherOptions extends Pick<ScopeOptions, 'scope' | 'signal' | 'clock' | 'name'> {
  /** How many of them run at a time. Default: all. */
  readonly limit?: number
}

/** What the works of a list give, place by place. */
type Results<Works extends readonly ((scope: CancelScope) => unknown)[]> = {
  -readonly [Place in keyof Works]: Awaited<ReturnType<Works[Place]>>
}

/**
 * Runs works at the same time and gives their results in the order of the call, whichever of them ends first. The first failure cancels
 * the rest. Works begin in the order of the call; with a limit, each when one before it has ended.
 *
 * @throws TaskGroupError (EXO_TASKS_FAILED) with every failure in it
 * @throws EXO_ABORTED if a work was cancelled, since then there is no result in its place
 * @throws EXO_OPTION_INVALID if the limit is not a whole number from 1
 *
 * @example
 * const [config, peers] = await gather([scope => scope.run(readConfig), scope => scope.run(findPeers)])
 */
export async function gather<const Works extends readonly ((scope: CancelScope) => unknown)[]>(
  works: Works,
  { limit = Infinity, name = 'the gathered works', ...options }: GatherOptions = {},
): Promise<Results<Works>> {
  wholeOrInfinite(`limit of ${name}`, limit, 1)
  const gathering = new Gathering(works)
  await withTaskGroup(
    group => {
      for (let one = 0; one < Math.min(limit, works.length); one += 1) gathering.spawnNext(group)
    },
    { ...options, name },
  )
  return gathering.results() as Results<Works>
}

class Gathering {
  readonly #works: readonly ((scope: CancelScope) => unknown)[]
  readonly #results: unknown[] = []
  #next = 0
  #cancelled: unknown

  constructor(works: readonly ((scope: CancelScope) => unknown)[]) {
    this.#works = works
  }

  /** Each work spawns the one that takes its place when it has ended: tasks of their own, as many at a time as there were at first. */
  spawnNext(group: TaskGroup): void {
    const index = this.#next
    const work = this.#works[index]
    if (!work) return
    if (group.scope.isCancelled) {
      this.#giveUp(group, group.scope.cancelled())
      return
    }
    this.#next += 1
    group.spawn(
      async scope => {
        try {
          this.#results[index] = await work(scope)
        } catch (error) {
          if (isCancellation(error)) this.#giveUp(group, error)
          throw error
        }
        this.spawnNext(group)
      },
      { name: `work ${index + 1} of ${group.scope.name}` },
    )
  }

  results(): unknown[] {
    if (this.#cancelled !== undefined) throw this.#cancelled
    return this.#results
  }

  #giveUp(group: TaskGroup, error: unknown): void {
    this.#cancelled ??= error
    group.cancel(error)
  }
}
