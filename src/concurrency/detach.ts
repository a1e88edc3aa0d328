/**
 * Lets a promise go its own way: for a step whose outcome somebody else hears of, e.g. a state that changes. What it rejects with is a fault
 * of the program, and ends the process like any error that nobody caught. Work that lasts is no such step: it belongs in a task group
 * or a background, where it is seen and cancelled.
 */
export function detach(work: PromiseLike<unknown>): void {
  void work
}
