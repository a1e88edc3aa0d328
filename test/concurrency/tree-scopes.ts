import type { Limits } from './tree-script.ts'

/** A scope by its definition: plain data. */
export interface ModelScope {
  readonly name: string
  readonly parent: ModelScope | undefined
  readonly hasSignal: boolean
  shield: boolean
  deadline: number
  isOpen: boolean
  /** Whether it was cancelled by itself, and by its deadline; whether it has caught that. */
  own: boolean
  expired: boolean
  caught: boolean
  /** Whether the signal from outside has told it; who has reached it from outside first, and who of all. */
  told: boolean
  outer: string | undefined
  arrived: string | undefined
}

/** What is thrown to those who wait under a signal instead of a scope. */
const BY_SIGNAL = 'the work'

/**
 * Who is cancelled by whom. After each change it is worked out anew for all scopes, from the outermost inwards; there are no listeners.
 */
export class ModelScopes {
  readonly all: ModelScope[] = []
  /** Those that others act on: until the task that has opened them goes on. */
  readonly targets: ModelScope[] = []
  now = 0
  isAborted = false
  readonly #changed: () => void

  /** @param changed is called after each single cancellation, when all whom it reaches are marked */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  open(parent: ModelScope | undefined, limits: Limits): ModelScope {
    const { timeout = Infinity, shield = false, signal = false } = limits
    const scope: ModelScope = {
      name: `s${this.all.length}`,
      parent,
      hasSignal: signal,
      shield,
      deadline: this.now + timeout,
      isOpen: true,
      own: false,
      expired: false,
      caught: false,
      told: this.isAborted,
      outer: undefined,
      arrived: undefined,
    }
    this.all.push(scope)
    this.targets.push(scope)
    this.#reach()
    return scope
  }

  cancel(scope: ModelScope): void {
    if (scope.own) return
    scope.own = true
    scope.arrived ??= scope.name
    this.#mark()
  }

  expire(scope: ModelScope): void {
    if (scope.own) return
    scope.expired = true
    this.cancel(scope)
  }

  setShield(scope: ModelScope, up: boolean): void {
    scope.shield = up
    this.#mark()
  }

  /** The signal tells one scope after the other, in the order in which they began to listen. */
  abort(): void {
    this.isAborted = true
    for (const scope of [...this.all]) {
      scope.told = true
      if (scope.hasSignal) this.#mark()
    }
  }

  /** What a checkpoint asks. A deadline that has passed counts, also if its timer has not fired: the innermost first, up to a shield. */
  isCancelled(scope: ModelScope): boolean {
    if (scope.arrived === undefined)
      for (const one of this.#upToShield(scope)) if (one.isOpen && one.deadline <= this.now) this.expire(one)
    return scope.arrived !== undefined
  }

  effectiveDeadline(scope: ModelScope): number {
    if (this.isCancelled(scope)) return -Infinity
    return Math.min(...[...this.#upToShield(scope)].map(({ deadline }) => deadline))
  }

  /** Those whose timers run. */
  armed(): ModelScope[] {
    return this.all.filter(({ isOpen, own, deadline }) => isOpen && !own && deadline < Infinity)
  }

  *#upToShield(from: ModelScope): Generator<ModelScope> {
    for (let scope: ModelScope | undefined = from; scope; scope = scope.parent) {
      yield scope
      if (scope.shield || !scope.isOpen) return
    }
  }

  #mark(): void {
    this.#reach()
    this.#changed()
  }

  #reach(): void {
    // In the order of their making, so that each stands behind what is around it.
    for (const scope of this.all) {
      if (!scope.isOpen || scope.shield) continue
      scope.outer ??=
        scope.parent?.arrived ?? (scope.hasSignal && scope.told && this.isAborted ? BY_SIGNAL : undefined)
      scope.arrived ??= scope.outer
    }
  }
}
