import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCancellation } from '../../src/concurrency/cancellation.ts'
import { TaskGroupError } from '../../src/concurrency/group-errors.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import { CancelScope, type ScopeOptions } from '../../src/concurrency/scope.ts'
import { type TaskGroup, withTaskGroup } from '../../src/concurrency/task-group.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { failAfter, withCancelScope } from '../../src/concurrency/with-scope.ts'
import { ExovisorError } from '../../src/errors.ts'
import { modelled, noted, type Thrown } from './tree-model.ts'
import { type Limits, randomTree, type Script, type Step, type Tree } from './tree-script.ts'

class Fault extends Error {}

/** What was thrown, in the words of the model. */
function said(error: unknown): Thrown {
  if (isCancellation(error)) return 'cut'
  if (error instanceof TaskGroupError) return error.errors.flatMap(one => said(one))
  if (error instanceof Fault) return [error.message]
  if (error instanceof ExovisorError && error.code === 'EXO_DEADLINE_EXCEEDED')
    return [error.message.replace(/ took longer.*/, ' late')]
  return [(error as { code?: string }).code ?? String(error)]
}

/** Plays a tree with the real scopes and groups. */
class Player {
  readonly clock = new VirtualClock()
  readonly controller = new AbortController()
  readonly log: string[] = []
  readonly faults: string[] = []
  readonly #scopes: CancelScope[] = []
  readonly #groups: TaskGroup[] = []

  async play({ script, abortAfter }: Tree): Promise<void> {
    const root = new CancelScope({ clock: this.clock })
    this.#scopes.push(root)
    const abort = this.clock.setTimeout(() => this.controller.abort(), abortAfter)
    let thrown: Thrown | undefined
    let isDone = false
    void this.#script(script, root)
      .catch((error: unknown) => {
        thrown = said(error)
      })
      .then(() => {
        isDone = true
        this.log.push(noted(this.clock.now(), 0, 'tree', thrown))
        this.clock.clearTimeout(abort)
      })
    await this.clock.settle()
    while (!isDone && this.clock.nextDue !== undefined)
      await this.clock.advance(this.clock.nextDue - this.clock.now())
    root.close()
  }

  async #script(script: Script, scope: CancelScope): Promise<void> {
    for (const step of script) {
      try {
        await this.#step(step, scope)
      } catch (error) {
        this.log.push(noted(this.clock.now(), step.id, step.do, said(error)))
        throw error
      }
      this.log.push(noted(this.clock.now(), step.id, step.do, undefined))
    }
  }

  async #step(step: Step, scope: CancelScope): Promise<unknown> {
    switch (step.do) {
      case 'sleep':
        return scope.sleep(step.ms).catch(async error => {
          await this.#pause(step.pause)
          throw error
        })
      case 'scope':
        return withCancelScope(inner => this.#inside(inner, step.body), this.#options(step.limits, scope))
      case 'failAfter':
        return failAfter(step.limits.timeout!, inner => this.#inside(inner, step.body), {
          ...this.#options(step.limits, scope),
          name: String(step.id),
        })
      case 'group':
        return this.#inGroup(step.body, this.#options(step.limits, scope))
      case 'swallow':
        return this.#script(step.body, scope).catch(() => undefined)
      case 'finally':
        try {
          return await this.#script(step.body, scope)
        } finally {
          await this.#script(step.after, scope)
        }
      case 'pause':
      case 'fail':
      case 'cancel':
      case 'shield':
      case 'deadline':
      case 'spawn':
        await this.#pause(step.pause)
        return this.#act(step)
    }
  }

  #act(step: Exclude<Step, { limits: Limits }>): void {
    if (step.do === 'fail') throw new Fault(String(step.id))
    if (step.do === 'spawn') {
      const group = this.#groups[step.target % this.#groups.length]!
      const { scope } = group.spawn(inner => this.#script(step.body, inner))
      this.#scopes.push(scope)
      return
    }
    if (!('target' in step)) return
    const target = this.#scopes[step.target % this.#scopes.length]!
    if (step.do === 'cancel') target.cancel()
    else if (step.do === 'deadline') target.deadline = this.clock.now() + step.ms
    else if (step.do === 'shield') target.shield = step.up
  }

  async #inGroup(body: Script, options: ScopeOptions): Promise<void> {
    let kept: TaskGroup | undefined
    try {
      await withTaskGroup(group => {
        kept = group
        this.#groups.push(group)
        return this.#inside(group.scope, body)
      }, options)
    } finally {
      if (kept?.running !== 0) this.faults.push('a group was left while a task ran')
    }
  }

  #inside(scope: CancelScope, body: Script): Promise<void> {
    this.#scopes.push(scope)
    return this.#script(body, scope)
  }

  #options({ signal, ...limits }: Limits, scope: CancelScope): ScopeOptions {
    return { ...limits, scope, ...(signal && { signal: this.controller.signal }) }
  }

  #pause(ms: number): Promise<void> {
    return new Promise(resolve => void this.clock.setTimeout(resolve, ms))
  }
}

async function played(tree: Tree): Promise<readonly string[]> {
  const unhandled: unknown[] = []
  const note = (error: unknown) => void unhandled.push(error)
  process.on('unhandledRejection', note)
  try {
    const player = new Player()
    await player.play(tree)
    await player.clock.settle()
    expect(player.faults).toEqual([])
    expect(unhandled).toEqual([])
    expect(player.clock.pending, 'timers left').toBe(0)
    expect(getEventListeners(player.controller.signal, 'abort'), 'listeners left').toEqual([])
    return player.log
  } finally {
    process.off('unhandledRejection', note)
  }
}

describe('a random tree of tasks, scopes, cancellations, deadlines and shields', () => {
  it('does what the definitions say, in 10,000 trees, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async seed => {
        const tree = randomTree(seededRandom(seed))
        expect(await played(tree)).toEqual(modelled(tree))
      }),
      { numRuns: 10_000 },
    )
  })
})
