import { deferred } from '../../concurrency/deferred.ts'
import { detach } from '../../concurrency/detach.ts'
import type { CancelTimer } from '../../concurrency/timer.ts'
import type { ExovisorError } from '../../errors.ts'
import type { Child } from '../child.ts'
import { comesBack, type End, isOvertaken, type Strategy, type StrategyHost } from './strategy.ts'

const REASON = 'restarted with its group'
const isDown = (child: Child): boolean => child.isToStop || child.isStopped
const nothing: CancelTimer = () => undefined

/**
 * Restarts a child together with a group of its siblings, as OTP's supervisor does.
 *
 * The group is stopped in the reverse order of its start, each cleanup awaited; then the backoff of the child that failed passes; then the
 * group starts in order, each member after the one before it is READY. Temporary members do not come back; those that were stopped or had
 * ended before do, as in OTP, save those that never started and those that their own open circuit keeps down.
 *
 * A restart of the group spends one unit, however large the group is: in the window of the child that failed, and in the
 * supervisor's own window if it has one. When a member cannot start, that member is the one that failed, and drives the next attempt.
 *
 * Stopping a group, starting it, and the first starts of other children take turns. What ends during a turn is dealt with after it, in the
 * order of the ends, as if the supervisor had been deaf meanwhile. Commands to a single child and the closing of the
 * supervisor do not wait for a turn: the group goes on without a member that was stopped.
 */
export class GroupRestart implements Strategy {
  readonly #host: StrategyHost
  readonly #first: (child: Child, members: readonly Child[]) => number
  readonly #ends: End[] = []
  /** The last command that the group restart under way gave to each of its members. */
  #group = new Map<Child, number>()
  /** The child that failed last, while its group is not starting yet. */
  #driver: Child | undefined
  /** Grows with each restart: the steps of an older one have no say any more, also when the same child failed again. */
  #round = 0
  #turns = 0
  #lastTurn = Promise.resolve()
  #cancelWait = nothing
  #ceased = false

  /** @param first the index of the first member of the group of a child that failed */
  constructor(host: StrategyHost, first: (child: Child, members: readonly Child[]) => number) {
    this.#host = host
    this.#first = first
  }

  get isBusy(): boolean {
    return this.#turns > 0 || this.#driver !== undefined || this.#ends.length > 0
  }

  ended(end: End): void {
    this.#ends.push(end)
    // Deaf during a turn.
    if (this.#turns === 0) this.#decide()
  }

  async admit<T>(start: () => Promise<T>): Promise<T> {
    const turn = deferred<void>()
    const before = this.#lastTurn
    this.#lastTurn = turn.promise
    this.#turns += 1
    await before
    try {
      return await start()
    } finally {
      this.#turns -= 1
      this.#decide()
      turn.resolve()
    }
  }

  cease(): void {
    this.#ceased = true
    this.#cancelWait()
    this.#ends.length = 0
  }

  #decide(): void {
    for (let end = this.#ends.shift(); end; end = this.#ends.shift()) {
      const { child, failure } = end
      if (isOvertaken(end)) continue
      if (!comesBack(child, failure)) this.#host.retire(child, failure)
      else if (this.#host.acceptRestart(child)) this.#restart(end)
      else this.#giveUp(child, failure)
    }
  }

  /** Unless that ends the supervisor, the child's circuit is open: the members that have still to start after it do so without it. */
  #giveUp(child: Child, failure: ExovisorError | undefined): void {
    const { members } = this.#host
    const rest = members
      .slice(members.indexOf(child) + 1)
      .filter(member => this.#isHeld(member) && member.isRestarting && member.ref.state === 'CLOSED')
    this.#host.giveUp(child, failure)
    const round = this.#round
    if (this.#driver !== undefined) return
    if (rest.length === 0) {
      // Its restart is over: none of those that have started is held any more.
      this.#group.clear()
      return
    }
    detach(
      this.admit(async () => {
        if (round === this.#round) await this.#release(rest)
      }),
    )
  }

  #restart({ child: driver, after }: End): void {
    const { members } = this.#host
    const first = this.#first(driver, members)
    if (this.#driver && members.findIndex(child => this.#group.has(child)) < first) {
      // It belongs to a larger group that is waiting to start.
      this.#hold(driver)
      return
    }
    this.#cancelWait()
    this.#driver = driver
    this.#round += 1
    const round = this.#round
    const group = members.slice(first).filter(({ ref }) => ref.current)
    const hasLeft = (child: Child): boolean =>
      this.#hasLeft(child) ||
      child.isToStopSince(after) ||
      child.isToForget ||
      child.record.circuit === 'open'
    const left = new Map(group.filter(hasLeft).map(child => [child, -1]))
    this.#group = left
    const plan = group.filter(child => !left.has(child))
    for (const child of plan) this.#hold(child)
    detach(
      this.admit(async () => {
        await this.#stop(plan)
        if (this.#isCurrent(round)) this.#wait(driver, round)
      }),
    )
  }

  /** True while no later restart has begun, this one has not come to its starts, and the supervisor is not closing. */
  #isCurrent(round: number): boolean {
    return round === this.#round && this.#driver !== undefined && !this.#ceased
  }

  #wait(driver: Child, round: number): void {
    this.#cancelWait()
    const delay = this.#isHeld(driver) ? driver.announceRestart() : 0
    // Who heard of it may have closed the supervisor.
    if (!this.#isCurrent(round)) return
    this.#cancelWait = this.#host.after(delay, () => {
      if (this.#isCurrent(round)) detach(this.admit(() => this.#start(round)))
    })
  }

  async #start(round: number): Promise<void> {
    if (!this.#isCurrent(round)) return
    const { members } = this.#host
    const first = members.findIndex(child => this.#group.has(child))
    const group = first < 0 ? [] : members.slice(first)
    // Somebody may have started or restarted a member during the backoff.
    const running = group.filter(child => !this.#isHeld(child) && !isDown(child))
    for (const child of running) this.#hold(child)
    await this.#stop(running)
    if (round !== this.#round) return
    this.#driver = undefined
    await this.#release(group)
  }

  /** Starts members in order, up to one that fails and drives the next attempt. */
  async #release(group: readonly Child[]): Promise<void> {
    for (const child of group) {
      if (this.#ceased) return
      // One that somebody has started by hand meanwhile starts in its turn as well.
      if (this.#isHeld(child)) await child.release()
      else await child.settled()
      if (this.#willBeRestarted(child)) return
    }
    this.#group.clear()
  }

  /** One after the other, the last one first. */
  async #stop(plan: readonly Child[]): Promise<void> {
    for (const child of plan.toReversed()) {
      if (!this.#isHeld(child)) continue
      if (child.policy.restart === 'temporary') {
        await this.#host.stopAndForget(child, REASON)
      } else {
        await child.hold(REASON)
      }
    }
  }

  #hold(child: Child): void {
    this.#group.set(child, child.freeze(REASON))
  }

  /** True while nobody else has told the member anything. */
  #isHeld(child: Child): boolean {
    return this.#group.get(child) === child.command
  }

  /** True for a member that was stopped during this group restart: it takes no part in further attempts. */
  #hasLeft(child: Child): boolean {
    return this.#group.has(child) && !this.#isHeld(child) && isDown(child)
  }

  #willBeRestarted(child: Child): boolean {
    return this.#ends.some(end => end.child === child && !isOvertaken(end) && comesBack(child, end.failure))
  }
}
