import { getEventListeners } from 'node:events'
import { type CancelSource, isCancellation } from '../../src/concurrency/cancellation.ts'
import { TaskGroupError } from '../../src/concurrency/group-errors.ts'
import { seededRandom } from '../../src/concurrency/random.ts'
import { CancelScope, type ScopeOptions } from '../../src/concurrency/scope.ts'
import type { Task } from '../../src/concurrency/task.ts'
import { type TaskGroup, withTaskGroup } from '../../src/concurrency/task-group.ts'
import { failAfter, withCancelScope } from '../../src/concurrency/with-scope.ts'
import { ExovisorError } from '../../src/errors.ts'
import { PickingClock } from './picking-clock.ts'
import { chosen, closing, type History, pickLine, stepLine, without } from './tree-history.ts'
import type { Limits, Of, Script, Step, Tree } from './tree-script.ts'

const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

class Fault extends Error {}

/** Where a script runs: in a scope, and below a task that may have to say that it is ready. */
interface Place {
  readonly scope: CancelScope
  readonly ready: () => void
}

/** What was thrown: by whom the work was cancelled, or all that has failed, in its order. */
function said(error: unknown): string {
  if (isCancellation(error)) return `cut by ${(error as Error).message.replace(/ was cancelled.*/s, '')}`
  if (error instanceof TaskGroupError) return error.errors.map(said).join(', ')
  if (error instanceof Fault) return error.message
  if (error instanceof ExovisorError && error.code === 'EXO_DEADLINE_EXCEEDED')
    return error.message.replace(/ took longer.*/s, ' late')
  return (error as { code?: string }).code ?? String(error)
}

/** Plays a tree with the real scopes and groups, in an order that a seed picks. */
class Player {
  readonly lines: string[] = []
  readonly picks: string[] = []
  readonly heard: number[] = []
  readonly clock: PickingClock
  readonly #controller = new AbortController()
  readonly #scopes: CancelScope[] = []
  /** Those scopes and groups that others act on: until the task that has opened them goes on. */
  readonly #targets: CancelScope[] = []
  readonly #groups: TaskGroup[] = []
  readonly #tasks: Task[] = []
  #listening = 0
  #isDone = false

  constructor(order: number) {
    this.clock = new PickingClock(seededRandom(order))
  }

  async play({ script, abortAfter }: Tree): Promise<void> {
    const root = new CancelScope({ clock: this.clock, name: 's0' })
    this.#enter(root)
    const abort =
      abortAfter < Infinity &&
      this.clock.naming('abort', () => this.clock.setTimeout(() => this.#controller.abort(), abortAfter))
    const ended = (outcome: string): void => {
      this.lines.push(`the tree: ${outcome}`)
      this.#isDone = true
    }
    void this.#script(script, { scope: root, ready: () => undefined }).then(
      () => ended('done'),
      (error: unknown) => ended(said(error)),
    )
    await this.#goOn(root)
    if (abort && !this.#controller.signal.aborted) this.clock.clearTimeout(abort)
    await nextTurn()
    this.#close(root)
  }

  async #goOn(root: CancelScope): Promise<void> {
    // A turn of the event loop after each pick: all that it causes has run, and Node has told of rejections that nobody has caught.
    for (await nextTurn(); !this.#isDone; await nextTurn()) {
      const pick = this.clock.pick()
      const label = pick?.label ?? 'rescue'
      if (this.picks.push(label) > 2_000) return void this.lines.push('stuck')
      this.lines.push(pickLine(this.clock.now(), label, pick?.among ?? [], this.clock.timers))
      if (pick) pick.go()
      else {
        for (const scope of this.#scopes) scope.shield = false
        root.cancel()
      }
    }
  }

  async #script(script: Script, place: Place): Promise<void> {
    for (const step of script) {
      await this.clock.gate(String(step.id))
      try {
        await this.#step(step, place)
      } catch (error) {
        this.lines.push(stepLine(step, said(error)))
        throw error
      }
      this.lines.push(stepLine(step, 'done'))
    }
  }

  async #step(step: Step, place: Place): Promise<unknown> {
    const { scope } = place
    switch (step.do) {
      case 'sleep':
        return this.#back(
          step,
          this.clock.naming(`sleep ${step.id}`, () => scope.sleep(step.ms)),
        )
      case 'checkpoint':
        return scope.checkpoint()
      case 'run':
        return scope.run(signal => this.#work(step, signal))
      case 'result':
        return this.#tasks.length > 0 && this.#back(step, scope.wait(chosen(this.#tasks, step)!.result))
      case 'fail':
        throw new Fault(String(step.id))
      case 'ready':
        return place.ready()
      case 'swallow':
        return this.#script(step.body, place).catch(() => undefined)
      case 'finally':
        try {
          return await this.#script(step.body, place)
        } finally {
          await this.#script(step.after, place)
        }
      case 'scope':
      case 'failAfter':
      case 'group':
        return this.#inside(step, place)
      case 'spawn':
        return this.#spawn(step, place)
      case 'follow': {
        const follow = (): void => this.#follow(step, place)
        return void chosen(this.#tasks, step)?.result.then(follow, follow)
      }
      case 'start':
        return this.#start(step, place)
      case 'cancel':
      case 'shield':
      case 'deadline':
      case 'look':
        return this.#act(step, chosen(this.#targets, step)!)
    }
  }

  /** Whatever a step has waited for, the task goes on when it is picked. */
  async #back<T>(step: Step, waiting: Promise<T>): Promise<T> {
    try {
      return await waiting
    } finally {
      await this.clock.gate(`${step.id} back`)
    }
  }

  async #work(step: Of<'run'>, signal: AbortSignal): Promise<void> {
    await this.clock.gate(`${step.id} work`)
    if (step.heeds && signal.aborted) throw new DOMException('it was aborted', 'AbortError')
  }

  #act(step: Of<'cancel' | 'shield' | 'deadline' | 'look'>, target: CancelScope): void {
    if (step.do === 'cancel') target.cancel()
    else if (step.do === 'shield') target.shield = step.up
    else if (step.do === 'look') this.lines.push(`${target.name} has until ${target.effectiveDeadline}`)
    else
      this.clock.naming(`deadline of ${target.name}`, () => {
        target.deadline = this.clock.now() + step.ms
      })
  }

  #spawn(step: Of<'spawn' | 'follow'>, { ready }: Place): void {
    const group = chosen(this.#groups, step)
    if (!group) return
    const task = group.spawn(scope => this.#script(step.body, { scope, ready }), {
      name: `s${this.#scopes.length}`,
    })
    this.#enter(task.scope)
    this.#tasks.push(task)
  }

  #follow(step: Of<'follow'>, place: Place): void {
    try {
      this.#spawn(step, place)
      this.lines.push(`${step.id} followed`)
    } catch (error) {
      this.lines.push(`${step.id} followed: ${said(error)}`)
    }
  }

  async #start(step: Of<'start'>, { scope: caller }: Place): Promise<void> {
    const group = chosen(this.#groups, step)
    if (!group) return
    const before = group.running
    const index = this.#scopes.length
    const place = this.#targets.length
    const started = group.start(
      (scope, ready) => {
        this.#scopes[index] = scope
        this.#targets[this.#targets.indexOf(caller, place)] = scope
        return this.#script(step.body, { scope, ready })
      },
      { name: `s${index}`, ...(step.heeds && { cancellation: this.#noted(step.id, caller) }) },
    )
    // Its scope is there from now on, and comes into our hands when the task begins, before anybody else is picked.
    if (group.running > before) this.#enter(caller)
    const entered = started.then(({ task }) => void this.#tasks.push(task))
    await this.#back(step, entered)
  }

  /** A caller of `start`, of whom one sees when he hears of his cancellation, and whether he still listens. */
  #noted(id: number, caller: CancelScope): CancelSource {
    return {
      get isCancelled() {
        return caller.isCancelled
      },
      cancelled: () => caller.cancelled(),
      onCancel: listener => {
        this.#listening += 1
        let isListening = true
        const end = (): void => {
          if (isListening) this.#listening -= 1
          isListening = false
        }
        const forget = caller.onCancel(() => {
          end()
          this.heard.push(id)
          this.lines.push(`${id} heard`)
          listener()
        })
        return () => {
          end()
          forget()
        }
      },
    }
  }

  async #inside(step: Of<'scope' | 'failAfter' | 'group'>, { scope: around, ready }: Place): Promise<void> {
    const options = this.#options(step.limits, around)
    let left = (): void => undefined
    const inside = (scope: CancelScope, group?: TaskGroup): Promise<void> => {
      this.#enter(scope)
      if (group) this.#groups.push(group)
      left = () => {
        without(this.#targets, scope)
        without(this.#groups, group)
      }
      return this.#script(step.body, { scope, ready })
    }
    const opened = this.clock.naming(`deadline of ${options.name}`, (): Promise<unknown> => {
      if (step.do === 'scope') return withCancelScope(scope => inside(scope), options)
      if (step.do === 'failAfter') return failAfter(step.limits.timeout!, scope => inside(scope), options)
      return withTaskGroup(group => inside(group.scope, group), options)
    })
    try {
      await this.#back(step, opened)
    } finally {
      left()
    }
  }

  #enter(scope: CancelScope): void {
    this.#scopes.push(scope)
    this.#targets.push(scope)
  }

  #options({ signal, ...limits }: Limits, scope: CancelScope): ScopeOptions {
    const name = `s${this.#scopes.length}`
    return { ...limits, scope, name, ...(signal && { signal: this.#controller.signal }) }
  }

  #close(root: CancelScope): void {
    root.close()
    for (const scope of this.#scopes) {
      const by = scope.isCancelled ? said(scope.cancelled()) : 'not cut'
      this.lines.push(closing(scope.name, scope.cancelCalled, scope.cancelledCaught, by))
    }
    for (const task of this.#tasks) this.lines.push(`${task.name} is ${task.status}`)
    this.#left('timers', this.clock.timers)
    this.#left('listeners of a signal', getEventListeners(this.#controller.signal, 'abort').length)
    this.#left('callers of start that listen', this.#listening)
    this.#cancelAll()
  }

  /** What is cancelled when all is over reaches nobody: no scope is still inside another, and no wait that has ended hears of it. */
  #cancelAll(): void {
    const before = this.clock.clearedInVain
    for (const scope of this.#scopes) {
      const others = this.#scopes.filter(other => other !== scope && !other.isCancelled)
      scope.cancel()
      this.#left(`scopes within ${scope.name}`, others.filter(other => other.isCancelled).length)
    }
    this.#left('waits that have ended and listen', this.clock.clearedInVain - before)
  }

  #left(what: string, count: number): void {
    if (count > 0) this.lines.push(`left behind: ${count} ${what}`)
  }
}

/** What really happens when a tree is played in the order that the seed picks. */
export async function played(tree: Tree, order: number): Promise<History> {
  const player = new Player(order)
  const note = (error: unknown): void => void player.lines.push(`unhandled: ${said(error)}`)
  process.on('unhandledRejection', note)
  try {
    await player.play(tree)
    await nextTurn()
    return player
  } finally {
    process.off('unhandledRejection', note)
  }
}
