import { detach } from '../../concurrency/detach.ts'
import type { Child } from '../child.ts'
import { comesBack, type End, isOvertaken, type Strategy, type StrategyHost } from './strategy.ts'

const REASON = 'restarted with what it needs'

/** A child that is to come back, and what it waits for. */
interface Waiting {
  /** The last command that this strategy gave it; a later one makes this void. */
  readonly command: number
  /** True once its own backoff has passed and those that need it have stopped. */
  due: boolean
  starting: boolean
}

/**
 * Restarts a child together with all that need it, directly or not, and nobody else: rest_for_one for a graph in place of a list.
 *
 * Those that need it are stopped in the reverse order of their start, each cleanup awaited. Then every child starts as soon as its own backoff has
 * passed, what it needs is on its way, and what it starts after is READY: independent branches start beside each other, and a
 * failure in one of them holds up no other.
 *
 * The restart spends one unit, however many come with it, in the window of the child that failed and in the supervisor's own. A
 * child that cannot start is the one that failed, and is tried again with those that need it alone.
 */
export class DependencyClosure implements Strategy {
  readonly #host: StrategyHost
  readonly #waiting = new Map<Child, Waiting>()
  /** Those that are dealt with after the first start of somebody who needs the child. */
  #deferred: readonly End[] = []
  #ceased = false

  constructor(host: StrategyHost) {
    this.#host = host
  }

  get isBusy(): boolean {
    return this.#waiting.size > 0 || this.#deferred.length > 0
  }

  ended(end: End): void {
    if (this.#isAwaitedByFirstStart(end.child)) this.#deferred = [...this.#deferred, end]
    else this.#decide(end)
  }

  async admit<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start()
    } finally {
      this.#decideDeferred()
    }
  }

  async holdWith(child: Child): Promise<void> {
    const waiting: Waiting = { command: child.command, due: false, starting: false }
    this.#waiting.set(child, waiting)
    await this.#stop(this.#hold(this.#host.requirersOf(child)))
    // From here on it starts by itself.
    waiting.due = true
    waiting.starting = true
    detach(this.#started(child.settled(), child, waiting))
  }

  changed(): void {
    if (this.isBusy)
      this.#host.post(() => {
        this.#decideDeferred()
        this.#startWhatCan()
      })
  }

  cease(): void {
    this.#ceased = true
    this.#waiting.clear()
    this.#deferred = []
  }

  #isAwaitedByFirstStart(child: Child): boolean {
    return this.#host.requirersOf(child).some(requirer => requirer.isFirstStarting)
  }

  #decideDeferred(): void {
    const ends = this.#deferred
    this.#deferred = []
    for (const end of ends) if (!isOvertaken(end)) this.ended(end)
  }

  #decide({ child, failure }: End): void {
    this.#waiting.delete(child)
    const requirers = this.#host.requirersOf(child)
    if (!comesBack(child, failure)) {
      const { command } = child
      this.#host.retire(child, failure)
      // A normal end leaves the others alone: it may have been a job that had to be done before them.
      // So does a child that was started again by who heard of its end.
      if (failure && child.isLast(command) && !this.#ceased) detach(this.#stopForGood(requirers))
      this.#startWhatCan()
      return
    }
    if (!this.#host.acceptRestart(child)) {
      this.#host.giveUp(child, failure)
      if (!this.#ceased) detach(this.#stop(this.#hold(requirers)))
      return
    }
    this.#restart(child, requirers)
  }

  #restart(child: Child, requirers: readonly Child[]): void {
    const waiting: Waiting = { command: child.freeze(REASON), due: false, starting: false }
    this.#waiting.set(child, waiting)
    const stopped = this.#stop(this.#hold(requirers))
    child.awaitRestart(() => {
      detach(
        stopped.then(() => {
          waiting.due = true
          this.#startWhatCan()
        }),
      )
    })
  }

  /** Takes those that run, or are starting again, under its command. They come back when they can. */
  #hold(members: readonly Child[]): readonly Child[] {
    const running = members.filter(member => {
      if (member.isStopped || member.isPromised || member.isToForget) return false
      const waiting = this.#waiting.get(member)
      if (member.isToStop) return false
      return waiting === undefined || waiting.starting || !member.isLast(waiting.command)
    })
    for (const member of running)
      this.#waiting.set(member, { command: member.freeze(REASON), due: true, starting: false })
    return running
  }

  /** One after the other, in the order given. */
  async #stop(members: readonly Child[]): Promise<void> {
    for (const member of members) {
      if (!this.#isHeld(member)) continue
      if (member.policy.restart === 'temporary') {
        this.#waiting.delete(member)
        await this.#host.stopAndForget(member, REASON)
      } else {
        await member.hold(REASON)
      }
    }
    this.#startWhatCan()
  }

  async #stopForGood(members: readonly Child[]): Promise<void> {
    await this.#host.stopInTurn(members, () => 'what it needs has failed and is not restarted')
    this.#startWhatCan()
  }

  #startWhatCan(): void {
    if (this.#ceased) return
    for (const [child, waiting] of [...this.#waiting]) {
      if (!child.isLast(waiting.command)) this.#waiting.delete(child)
      else if (!waiting.starting && waiting.due && this.#mayStart(child)) detach(this.#start(child, waiting))
    }
  }

  #mayStart(child: Child): boolean {
    const { dependencies } = this.#host
    return (
      child.ref.state === 'CLOSED' &&
      // Another restart may have those that need it under its command, and not have come to them yet.
      this.#host.requirersOf(child).every(member => !member.isGoingDown) &&
      dependencies.before(child.id).every(id => this.#isUp(id)) &&
      dependencies.neededFor(child.id).every(id => this.#isOnItsWay(id))
    )
  }

  /** READY or DEGRADED, and to stay so; or stopped, or left in ERROR, so that there is nothing to wait for. */
  #isUp(id: string): boolean {
    const sibling = this.#host.member(id)
    if (sibling?.isGoingDown) return false
    if (!sibling || sibling.ref.state === 'READY' || sibling.ref.state === 'DEGRADED') return true
    return (sibling.isStopped || sibling.ref.ended) && sibling.record.circuit === 'closed'
  }

  #isOnItsWay(id: string): boolean {
    const sibling = this.#host.member(id)
    if (!sibling) return true
    if (sibling.isGoingDown) return false
    const waiting = this.#waiting.get(sibling)
    return (waiting === undefined || waiting.due) && sibling.record.circuit !== 'open'
  }

  async #start(child: Child, waiting: Waiting): Promise<void> {
    waiting.starting = true
    await this.#started(
      child.release(() => this.#isFree(child, waiting)),
      child,
      waiting,
    )
  }

  /** What it starts after may have gone down while it waited for a place among those that start: then it waits as before. */
  #isFree(child: Child, waiting: Waiting): boolean {
    if (this.#mayStart(child)) return true
    this.#waiting.set(child, { ...waiting, starting: false })
    return false
  }

  async #started(start: Promise<void>, child: Child, waiting: Waiting): Promise<void> {
    await start
    if (this.#waiting.get(child) === waiting) this.#waiting.delete(child)
    this.#startWhatCan()
  }

  #isHeld(child: Child): boolean {
    return this.#waiting.get(child)?.command === child.command
  }
}
