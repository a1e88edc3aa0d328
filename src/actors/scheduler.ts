import type { AnyActorRef } from 'xstate'

/**
 * Keeps an index of delayed events by actor. XState's own `cancelAll`, which runs at the end of each
 * actor, looks through the delayed events of the whole system: 1.7 ms for each actor that ends among 10,000 timers.
 */
export function indexScheduler(root: AnyActorRef): void {
  const { scheduler } = root.system
  const { schedule, cancel } = scheduler
  const timers = new Map<AnyActorRef, Set<string>>()
  let unnamed = 0
  const nextId = (): string => {
    unnamed += 1
    return `unnamed.${unnamed}`
  }

  scheduler.schedule = (source, target, event, delay, id = nextId()) => {
    const ids = timers.get(source) ?? new Set()
    timers.set(source, ids.add(id))
    schedule(source, target, event, delay, id)
  }
  scheduler.cancel = (source, id) => {
    const ids = timers.get(source)
    if (ids?.delete(id) && ids.size === 0) timers.delete(source)
    cancel(source, id)
  }
  scheduler.cancelAll = actor => {
    const ids = timers.get(actor)
    timers.delete(actor)
    for (const id of ids ?? []) cancel(actor, id)
  }
}
