import type { ScopeOptions } from './scope.ts'
import { TaskGroup } from './task-group.ts'

/** A task group for a block of `await using`. Made by {@link openTaskGroup}. */
export class OpenTaskGroup extends TaskGroup {
  #joined: Promise<void> | undefined

  /**
   * Waits until every task has settled. The group has ended then, and the end of the block does nothing more.
   *
   * @throws TaskGroupError (EXO_TASKS_FAILED) with every failure in it
   * @throws EXO_ABORTED if nothing failed, and a cancellation from outside has cut a task short
   */
  join(): Promise<void> {
    this.#joined ??= this.settled().then(() => this.conclude())
    return this.#joined
  }

  /**
   * Ends the group with its block. If nobody has called {@link join}, all tasks are cancelled first. Waits until they have settled.
   *
   * @throws TaskGroupError (EXO_TASKS_FAILED) with every failure in it, unless `join` has thrown it. Never a mere cancellation: the block
   *   meets that at its own checkpoints, and two in one would make a SuppressedError of them.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#joined) this.cancel('its block ended without join')
    await this.settled()
    if (!this.#joined) this.throwFailures()
  }
}

/**
 * A task group for a block instead of a callback. JavaScript does not tell `Symbol.asyncDispose` whether the block has thrown, so the end of
 * a block cannot mean "wait" for one that went well and "cancel" for one that did not. It cancels; whoever wants to wait ends the block with
 * `await group.join()`. {@link withTaskGroup} needs no such word and is the form to prefer.
 *
 * @example
 * await using group = openTaskGroup({ scope })
 * for (const peer of peers) group.spawn(scope => scope.run(signal => greet(peer, signal)))
 * await group.join()
 */
export function openTaskGroup(options: ScopeOptions = {}): OpenTaskGroup {
  return new OpenTaskGroup(options)
}
