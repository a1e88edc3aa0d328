import { ChildFacts } from './child-facts.ts'

/** What a command wants to become of a child, if that is an end. */
export type WantedEnd = 'stopped' | 'forgotten'

/**
 * What a child was told, and that the last word holds. A command takes effect in steps, each of which may take its time: closing those that
 * need the child, closing the child itself, waiting for a backoff, telling listeners. A command is numbered at once, before its first step, and
 * whatever goes on after a step asks first whether its number is still the last one. The numbers are those of the supervisor, so that
 * they also say which of the commands to two children came first, and whether one came before or after an end.
 */
export abstract class CommandedChild extends ChildFacts {
  #command = 0
  #isCommanded = false
  #wanted: WantedEnd | undefined

  /** The number of the last command; 0 before the first. */
  get command(): number {
    return this.#command
  }

  /** True while nobody has told it anything after this command. */
  isLast(command: number): boolean {
    return command === this.#command
  }

  override get isCommanded(): boolean {
    return this.#isCommanded
  }

  /** True when somebody has told it to stop after this command of the supervisor. */
  isToStopSince(command: number): boolean {
    return this.#wanted !== undefined && this.#command > command
  }

  /** True for one that runs, and that its last command is to close, now or when its turn has come. */
  get isGoingDown(): boolean {
    return this.#isCommanded && this.ref.current !== undefined && this.ref.state !== 'CLOSED'
  }

  /** True from the moment in which somebody stops it until it is told something else. */
  get isToStop(): boolean {
    return this.#wanted !== undefined
  }

  /** True from the moment in which somebody stops it for good until it is told something else. */
  get isToForget(): boolean {
    return this.#wanted === 'forgotten'
  }

  /** A new command: its policy does nothing until {@link CommandedChild.leaveToPolicy}. */
  protected take(wanted?: WantedEnd): number {
    this.#command = this.host.nextCommand()
    this.#isCommanded = true
    this.#wanted = wanted
    return this.#command
  }

  /** The command has been carried out as far as the start that it asked for. */
  protected leaveToPolicy(): void {
    this.#isCommanded = false
  }

  /** The start could not come about: the same command is still to be carried out. */
  protected leaveToCommand(): void {
    this.#isCommanded = true
  }
}
