import type { Limits, Script, Step, Tree } from './tree-script.ts'

/** What a step may throw: cancellation, or failures by the ids of the steps that made them. */
export type Thrown = 'cut' | readonly string[]

type Act = 'pause' | 'fail' | 'cancel' | 'shield' | 'deadline' | 'spawn'

interface ModelScope {
  readonly parent: ModelScope | undefined
  readonly hasSignal: boolean
  shield: boolean
  deadline: number
  own: boolean
  outer: boolean
  expired: boolean
  open: boolean
}

interface ModelGroup {
  readonly scope: ModelScope
  readonly failures: string[]
  running: number
  cutShort: boolean
  ended: boolean
}

/** What a task waits for: a time, which only the second kind waits for whatever happens; or the tasks of a group. */
type Wait = { readonly until: number; readonly scope?: ModelScope } | { readonly group: ModelGroup }

type Course = Generator<Wait, void, void>

interface ModelTask {
  readonly course: Course
  readonly ended: (thrown: Thrown | undefined) => void
  wait: Wait | undefined
}

const isCancelled = (scope: ModelScope): boolean => scope.own || scope.outer

/**
 * What a tree must do, from the definitions alone: one event after the other, and after each, who is cancelled is worked out anew for all
 * scopes from the outermost inwards. It shares nothing with the code under test: no promises, no listeners, no timers.
 */
class Model {
  readonly log: string[] = []
  readonly #scopes: ModelScope[] = []
  readonly #groups: ModelGroup[] = []
  readonly #tasks = new Set<ModelTask>()
  #now = 0
  #isAborted = false

  run({ script, abortAfter }: Tree): void {
    const root = this.#open(undefined, {})
    let isDone = false
    const run = (): Course => this.#script(script, root)
    this.#begin(run(), thrown => {
      isDone = true
      this.#note(0, 'tree', thrown)
    })
    while (!isDone) {
      this.#now = this.#next(abortAfter)
      this.#happen(abortAfter)
      this.#spread()
    }
  }

  #next(abortAfter: number): number {
    let next = this.#isAborted ? Infinity : abortAfter
    for (const { wait } of this.#tasks) if (wait && 'until' in wait) next = Math.min(next, wait.until)
    for (const scope of this.#scopes) if (scope.open && !scope.own) next = Math.min(next, scope.deadline)
    if (next === Infinity) throw new Error('the model is stuck')
    return next
  }

  #happen(abortAfter: number): void {
    if (this.#now === abortAfter) this.#isAborted = true
    for (const scope of this.#scopes)
      if (scope.open && !scope.own && scope.deadline === this.#now) {
        scope.own = true
        scope.expired = true
      }
    for (const task of this.#tasks)
      if (task.wait && 'until' in task.wait && task.wait.until === this.#now) this.#resume(task)
  }

  #spread(): void {
    for (;;) {
      this.#reach()
      const next = [...this.#tasks].find(
        ({ wait }) =>
          wait && ('group' in wait ? wait.group.running === 0 : wait.scope && isCancelled(wait.scope)),
      )
      if (!next?.wait) return
      if ('group' in next.wait) this.#resume(next)
      else this.#resume(next, 'cut')
    }
  }

  #reach(): void {
    // In the order of their making, so that each stands behind what is around it.
    for (const scope of this.#scopes) {
      if (!scope.open || scope.shield) continue
      if (scope.parent && isCancelled(scope.parent)) scope.outer = true
      if (scope.hasSignal && this.#isAborted) scope.outer = true
    }
  }

  #open(
    parent: ModelScope | undefined,
    { timeout = Infinity, shield = false, signal = false }: Limits,
  ): ModelScope {
    const scope: ModelScope = {
      parent,
      hasSignal: signal,
      shield,
      deadline: this.#now + timeout,
      own: false,
      outer: false,
      expired: false,
      open: true,
    }
    this.#scopes.push(scope)
    this.#reach()
    return scope
  }

  #begin(course: Course, ended: (thrown: Thrown | undefined) => void): void {
    const task: ModelTask = { course, ended, wait: undefined }
    this.#tasks.add(task)
    this.#resume(task)
  }

  #resume(task: ModelTask, thrown?: Thrown): void {
    try {
      const { value } = thrown === undefined ? task.course.next() : task.course.throw(thrown)
      task.wait = value ?? undefined
      if (task.wait) return
      this.#tasks.delete(task)
      task.ended(undefined)
    } catch (error) {
      if (error instanceof Error) throw error
      this.#tasks.delete(task)
      task.ended(error as Thrown)
    }
  }

  *#script(script: Script, scope: ModelScope): Course {
    for (const step of script) {
      let thrown: Thrown | undefined
      try {
        yield* this.#step(step, scope)
      } catch (error) {
        if (error instanceof Error) throw error
        thrown = error as Thrown
      }
      this.#note(step.id, step.do, thrown)
      if (thrown) throw thrown
    }
  }

  *#step(step: Step, scope: ModelScope): Course {
    switch (step.do) {
      case 'sleep':
        try {
          yield { until: this.#now + step.ms, scope }
        } catch (error) {
          yield { until: this.#now + step.pause }
          throw error
        }
        return
      case 'scope':
      case 'failAfter':
        return yield* this.#inScope(step, scope)
      case 'group':
        return yield* this.#inGroup(step, scope)
      case 'swallow':
        try {
          yield* this.#script(step.body, scope)
        } catch (error) {
          if (error instanceof Error) throw error
        }
        return
      case 'finally':
        try {
          yield* this.#script(step.body, scope)
        } finally {
          yield* this.#script(step.after, scope)
        }
        return
      case 'pause':
      case 'fail':
      case 'cancel':
      case 'shield':
      case 'deadline':
      case 'spawn':
        yield { until: this.#now + step.pause }
        this.#act(step)
    }
  }

  #act(step: Extract<Step, { do: Act }>): void {
    if (step.do === 'fail') throw [String(step.id)]
    if (step.do === 'spawn') this.#spawn(step.target, step.body)
    if (step.do === 'pause' || step.do === 'spawn') return
    const target = this.#scopes[step.target % this.#scopes.length]!
    if (step.do === 'cancel') target.own = true
    else if (step.do === 'deadline') target.deadline = this.#now + step.ms
    else target.shield = step.up
    this.#reach()
  }

  #spawn(target: number, body: Script): void {
    const group = this.#groups[target % this.#groups.length]!
    if (group.ended) throw ['EXO_RESOURCE_CLOSED']
    group.running += 1
    const own = this.#open(group.scope, {})
    this.#begin(this.#script(body, own), thrown => {
      own.open = false
      group.running -= 1
      if (thrown === 'cut') group.cutShort ||= own.outer
      else if (thrown) this.#fail(group, thrown)
    })
  }

  #fail(group: ModelGroup, thrown: readonly string[]): void {
    group.failures.push(...thrown)
    group.scope.own = true
    this.#reach()
  }

  *#inScope(step: Step & { limits: Limits; body: Script }, around: ModelScope): Course {
    const scope = this.#open(around, step.limits)
    try {
      yield* this.#script(step.body, scope)
    } catch (error) {
      if (error !== 'cut' || scope.outer || !scope.own) throw error
      if (step.do === 'failAfter') throw scope.expired ? [`${step.id} late`] : error
    } finally {
      scope.open = false
    }
  }

  *#inGroup(step: Step & { limits: Limits; body: Script }, around: ModelScope): Course {
    const scope = this.#open(around, step.limits)
    const group: ModelGroup = { scope, failures: [], running: 0, cutShort: false, ended: false }
    this.#groups.push(group)
    let foreign = false
    try {
      yield* this.#script(step.body, scope)
    } catch (error) {
      if (error instanceof Error) throw error
      if (error !== 'cut') this.#fail(group, error as readonly string[])
      else if (isCancelled(scope)) group.cutShort = true
      else {
        // By a signal that the group itself does not have.
        foreign = true
        scope.own = true
        this.#reach()
      }
    }
    if (group.running > 0) yield { group }
    group.ended = true
    scope.open = false
    if (group.failures.length > 0) throw group.failures
    if (foreign || (group.cutShort && scope.outer)) throw 'cut'
  }

  #note(id: number, what: string, thrown: Thrown | undefined): void {
    this.log.push(noted(this.#now, id, what, thrown))
  }
}

/** One line of the log of a tree. */
export const noted = (now: number, id: number, what: string, thrown: Thrown | undefined): string =>
  `${now} ${what} ${id}: ${thrown === undefined ? 'done' : thrown === 'cut' ? 'cut' : [...thrown].sort().join(',')}`

/** Every step of a tree that ended, when and how. */
export function modelled(tree: Tree): readonly string[] {
  const model = new Model()
  model.run(tree)
  return model.log
}
