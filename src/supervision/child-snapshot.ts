import type { Child } from './child.ts'
import type { ChildSnapshot } from './types.ts'

/** All that can be seen of a child. */
export function snapshotOf(child: Child): ChildSnapshot {
  const { nextAttemptAt } = child
  return {
    ...child.ref.snapshot(),
    id: child.id,
    restart: child.policy.restart,
    attempt: child.attempt,
    window: child.windowFill(),
    circuit: child.record.circuit,
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
  }
}
