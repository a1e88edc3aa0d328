import { chosen, closing, type History, pickLine, stepLine, without } from './tree-history.ts'
import {
  type Caller,
  type Course,
  failed,
  isCut,
  type ModelGroup,
  type ModelTask,
  type Place,
  type Running,
  said,
  type Thrown,
  thrownIn,
  type Wait,
} from './tree-parts.ts'
import { type ModelScope, ModelScopes } from './tree-scopes.ts'
import type { Of, Script, Step, Tree } from './tree-script.ts'

/**
 * What a tree must do, from the definitions alone, when it is told in which order things were picked. It shares nothing with the code
 * under test: no promises, no listeners, no timers.
 */
class Model {
  readonly lines: string[] = []
  readonly #scopes = new ModelScopes(() => this.#hear())
  readonly #groups: ModelGroup[] = []
  readonly #tasks: ModelTask[] = []
  readonly #callers: Caller[] = []
  readonly #followers: (() => void)[] = []
  readonly #running = new Set<Running>()
  readonly #heard: number[]
  #abortAt: number
  #isDone = false

  constructor(heard: readonly number[], abortAfter: number) {
    this.#heard = [...heard]
    this.#abortAt = abortAfter
  }

  run(script: Script, picks: readonly string[]): void {
    const root = this.#scopes.open(undefined, {})
    this.#begin(this.#script(script, { scope: root, ready: () => undefined }), thrown => {
      this.#isDone = true
      this.lines.push(`the tree: ${said(thrown)}`)
    })
    for (const label of picks) if (!this.#isDone && !this.#pick(label)) return
    if (!this.#isDone) return
    for (const { name, own, caught, arrived } of this.#scopes.all)
      this.lines.push(closing(name, own, caught, arrived ? `cut by ${arrived}` : 'not cut'))
    for (const { scope, status } of this.#tasks) this.lines.push(`${scope.name} is ${status}`)
  }

  /** Does what was picked. False if it could not have been: then the line says out of what it had to be. */
  #pick(label: string): boolean {
    const { now } = this.#scopes
    const timers = this.#timers()
    const ready = new Map(timers.filter(({ due }) => due <= now).map(({ name, fire }) => [name, fire]))
    for (const one of this.#running)
      if (one.wait && 'gate' in one.wait) ready.set(one.wait.gate, () => this.#resume(one))
    this.lines.push(pickLine(now, label, [...ready.keys()], timers.length))
    const later = Math.min(...timers.map(({ due }) => due).filter(due => due > now))
    if (label === 'time' && later < Infinity) this.#scopes.now = later
    else if (label === 'rescue' && ready.size === 0 && later === Infinity) this.#rescue()
    else {
      const go = ready.get(label)
      if (!go) return false
      go()
    }
    this.#spread()
    return true
  }

  #timers(): { name: string; due: number; fire: () => void }[] {
    const timers = this.#scopes.armed().map(scope => ({
      name: `deadline of ${scope.name}`,
      due: scope.deadline,
      fire: () => this.#scopes.expire(scope),
    }))
    for (const one of this.#running) {
      if (!one.wait || !('sleep' in one.wait) || one.wait.due === Infinity) continue
      timers.push({ name: one.wait.sleep, due: one.wait.due, fire: () => this.#resume(one) })
    }
    const abort = (): void => {
      this.#abortAt = Infinity
      this.#scopes.abort()
    }
    if (this.#abortAt < Infinity) timers.push({ name: 'abort', due: this.#abortAt, fire: abort })
    return timers
  }

  /** When all wait for ever: no shield is left, and the outermost scope is cancelled. */
  #rescue(): void {
    for (const scope of [...this.#scopes.all]) this.#scopes.setShield(scope, false)
    this.#scopes.cancel(this.#scopes.all[0]!)
  }

  /** Lets those hear who are cancelled while they wait for a task that they start. In which order they do is told, and not foretold. */
  #hear(): void {
    for (;;) {
      const caller = this.#callers.find(({ id }) => id === this.#heard[0])
      if (!caller?.isListening || !caller.scope?.arrived) break
      this.#heard.shift()
      this.lines.push(`${caller.id} heard`)
      caller.isListening = false
      this.#scopes.cancel(caller.task.scope)
    }
    for (const { id, isListening, scope } of this.#callers)
      if (isListening && scope?.arrived) this.lines.push(`${id} had to hear`)
  }

  /** Lets all go on, up to the point at which they wait to be picked, who wait for something that has come about. */
  #spread(): void {
    for (;;) {
      // Whoever hears of the end of a task may give its group another one: only then does the group look whether any is left.
      for (const follow of this.#followers.splice(0)) follow()
      const next = [...this.#running].find(({ wait }) => wait && this.#isOver(wait))
      if (!next?.wait) return
      const { wait } = next
      if ('scope' in wait && wait.scope.arrived) this.#resume(next, { cutBy: wait.scope.arrived })
      else if ('task' in wait) this.#resume(next, wait.task.thrown)
      else if ('caller' in wait && typeof wait.caller.outcome === 'object')
        this.#resume(next, wait.caller.outcome)
      else this.#resume(next)
    }
  }

  #isOver(wait: Wait): boolean {
    if ('scope' in wait && wait.scope.arrived) return true
    if ('task' in wait) return wait.task.status !== 'running'
    if ('group' in wait) return wait.group.running === 0
    return 'caller' in wait && wait.caller.outcome !== 'waits'
  }

  #begin(course: Course, ended: (thrown: Thrown | undefined) => void): void {
    const one: Running = { course, ended, wait: undefined }
    this.#running.add(one)
    this.#resume(one)
  }

  #resume(one: Running, thrown?: Thrown): void {
    one.wait = undefined
    try {
      one.wait = (thrown ? one.course.throw(thrown) : one.course.next()).value ?? undefined
      if (one.wait) return
      this.#running.delete(one)
      one.ended(undefined)
    } catch (error) {
      this.#running.delete(one)
      one.ended(thrownIn(error))
    }
  }

  *#script(script: Script, place: Place): Course {
    for (const step of script) {
      yield { gate: String(step.id) }
      try {
        yield* this.#step(step, place)
      } catch (error) {
        this.lines.push(stepLine(step, said(thrownIn(error))))
        throw error
      }
      this.lines.push(stepLine(step, 'done'))
    }
  }

  *#step(step: Step, place: Place): Course {
    const { scope } = place
    switch (step.do) {
      case 'sleep':
        return yield* this.#back(
          step,
          this.#wait({ sleep: `sleep ${step.id}`, due: this.#scopes.now + step.ms, scope }),
        )
      case 'result': {
        const task = chosen(this.#tasks, step)
        return task && (yield* this.#back(step, this.#wait({ task, scope })))
      }
      case 'checkpoint':
        return this.#checkpoint(scope)
      case 'run':
        this.#checkpoint(scope)
        yield { gate: `${step.id} work` }
        if (step.heeds && scope.arrived) throw { cutBy: scope.arrived }
        return
      case 'fail':
        throw failed(String(step.id))
      case 'ready':
        return place.ready()
      case 'swallow':
        try {
          yield* this.#script(step.body, place)
        } catch (error) {
          thrownIn(error)
        }
        return
      case 'finally':
        try {
          yield* this.#script(step.body, place)
        } finally {
          yield* this.#script(step.after, place)
        }
        return
      case 'scope':
      case 'failAfter':
        return yield* this.#inScope(step, place)
      case 'group':
        return yield* this.#inGroup(step, place)
      case 'spawn':
        return this.#spawn(step, place)
      case 'follow':
        return this.#follow(step, place)
      case 'start':
        return yield* this.#start(step, place)
      case 'cancel':
      case 'shield':
      case 'deadline':
      case 'look':
        return this.#act(step, chosen(this.#scopes.targets, step)!)
    }
  }

  *#back(step: Step, course: Course): Course {
    try {
      yield* course
    } finally {
      yield { gate: `${step.id} back` }
    }
  }

  *#wait(wait: Wait & { scope: ModelScope }): Course {
    this.#checkpoint(wait.scope)
    yield wait
  }

  #checkpoint(scope: ModelScope): void {
    if (this.#scopes.isCancelled(scope)) throw { cutBy: scope.arrived! }
  }

  #act(step: Of<'cancel' | 'shield' | 'deadline' | 'look'>, target: ModelScope): void {
    if (step.do === 'cancel') this.#scopes.cancel(target)
    else if (step.do === 'shield') this.#scopes.setShield(target, step.up)
    else if (step.do === 'deadline') target.deadline = this.#scopes.now + step.ms
    else this.lines.push(`${target.name} has until ${this.#scopes.effectiveDeadline(target)}`)
  }

  #make(group: ModelGroup): ModelTask {
    if (group.hasEnded) throw failed('EXO_RESOURCE_CLOSED')
    group.running += 1
    return { scope: this.#scopes.open(group.scope, {}), status: 'running', thrown: undefined, followers: [] }
  }

  #end(task: ModelTask, thrown: Thrown | undefined): void {
    task.scope.isOpen = false
    task.thrown = thrown
    this.#followers.push(...task.followers)
    task.status = !thrown ? 'done' : isCut(thrown) ? 'cancelled' : 'failed'
  }

  #leave(group: ModelGroup, task: ModelTask): void {
    if (task.status === 'cancelled' && task.scope.outer) group.isCutShort = true
    group.running -= 1
  }

  #spawn(step: Of<'spawn' | 'follow'>, { ready }: Place): void {
    const group = chosen(this.#groups, step)
    if (!group) return
    const task = this.#make(group)
    this.#tasks.push(task)
    this.#begin(this.#script(step.body, { scope: task.scope, ready }), thrown => {
      this.#end(task, thrown)
      if (thrown) this.#fail(group, thrown)
      this.#leave(group, task)
    })
  }

  #follow(step: Of<'follow'>, place: Place): void {
    const task = chosen(this.#tasks, step)
    const follow = (): void => {
      let thrown: Thrown | undefined
      try {
        this.#spawn(step, place)
      } catch (error) {
        thrown = thrownIn(error)
      }
      this.lines.push(`${step.id} followed${thrown ? `: ${said(thrown)}` : ''}`)
    }
    if (task?.status === 'running') task.followers.push(follow)
    else if (task) follow()
  }

  *#start(step: Of<'start'>, place: Place): Course {
    const group = chosen(this.#groups, step)
    if (group) yield* this.#back(step, this.#started(step, group, step.heeds ? place.scope : undefined))
  }

  *#started(step: Of<'start'>, group: ModelGroup, scope: ModelScope | undefined): Course {
    if (scope) this.#checkpoint(scope)
    const task = this.#make(group)
    const caller: Caller = { id: step.id, scope, task, isListening: true, outcome: 'waits' }
    this.#callers.push(caller)
    const ready = (): void => {
      caller.isListening = false
      if (caller.outcome !== 'waits') return
      caller.outcome = 'ready'
      this.#tasks.push(task)
    }
    this.#begin(this.#script(step.body, { scope: task.scope, ready }), thrown => {
      caller.isListening = false
      this.#end(task, thrown)
      if (caller.outcome === 'waits') caller.outcome = this.#unready(caller)
      else if (thrown) this.#fail(group, thrown)
      this.#leave(group, task)
    })
    yield { caller }
  }

  #unready({ scope, task }: Caller): Thrown {
    if (task.thrown && !isCut(task.thrown)) return task.thrown
    if (scope && this.#scopes.isCancelled(scope)) return { cutBy: scope.arrived! }
    if (task.scope.arrived) return { cutBy: task.scope.arrived }
    return task.thrown ?? failed('EXO_TASKS_FAILED')
  }

  #fail(group: ModelGroup, thrown: Thrown): void {
    if (isCut(thrown)) return
    group.failures.add(thrown)
    this.#scopes.cancel(group.scope)
  }

  *#inScope(step: Of<'scope' | 'failAfter'>, { scope: around, ready }: Place): Course {
    const scope = this.#scopes.open(around, step.limits)
    try {
      yield* this.#back(step, this.#scoped(step, { scope, ready }))
    } finally {
      without(this.#scopes.targets, scope)
    }
  }

  *#scoped(step: Of<'scope' | 'failAfter'>, place: Place): Course {
    const { scope } = place
    try {
      yield* this.#script(step.body, place)
    } catch (error) {
      if (!isCut(thrownIn(error))) throw error
      if (scope.outer) throw { cutBy: scope.outer }
      if (!scope.own) throw error
      scope.caught = true
      if (step.do === 'failAfter')
        throw scope.expired ? failed(`${scope.name} late`) : { cutBy: scope.arrived! }
    } finally {
      scope.isOpen = false
    }
  }

  *#inGroup(step: Of<'group'>, { scope: around, ready }: Place): Course {
    const scope = this.#scopes.open(around, step.limits)
    const group: ModelGroup = { scope, failures: new Set(), running: 0, isCutShort: false, hasEnded: false }
    this.#groups.push(group)
    try {
      yield* this.#back(step, this.#grouped(group, this.#script(step.body, { scope, ready })))
    } finally {
      without(this.#scopes.targets, scope)
      without(this.#groups, group)
    }
  }

  *#grouped(group: ModelGroup, body: Course): Course {
    const { scope } = group
    let foreign: Thrown | undefined
    try {
      yield* body
    } catch (error) {
      const thrown = thrownIn(error)
      this.#fail(group, thrown)
      if (isCut(thrown)) {
        group.isCutShort = true
        if (!this.#scopes.isCancelled(scope)) foreign = thrown
        this.#scopes.cancel(scope)
      }
    }
    yield { group }
    group.hasEnded = true
    scope.isOpen = false
    if (group.failures.size > 0) throw failed(...[...group.failures].flatMap(one => one.failed))
    if (!group.isCutShort) return
    if (scope.outer) throw { cutBy: scope.outer }
    if (foreign) throw foreign
    scope.caught = true
  }
}

/** All that must happen in a tree that is played in this order. It ends at the first pick that cannot have been. */
export function modelled({ script, abortAfter }: Tree, { picks, heard }: History): readonly string[] {
  const model = new Model(heard, abortAfter)
  model.run(script, picks)
  return model.lines
}
