import { type Cancellation, cancelSource } from './cancellation.ts'
import type { TaskPlace } from './task-registry.ts'

/** Work that stands in the registry. */
export interface EnteredWork {
  /** The place of whatever it begins. */
  readonly place: TaskPlace
  /** It has ended, in whatever way. Calling it again does nothing. */
  end(): void
}

/**
 * Enters work that begins now. Tasks are entered by themselves; this is for work that somebody else drives, such as a generator that goes
 * on when its reader asks.
 *
 * @param name what it does, e.g. `generate`
 * @param cancellation from the moment it is cancelled the work is seen as one that is to end
 */
export function enterWork(
  { registry, owner, task }: TaskPlace,
  name: string,
  cancellation: Cancellation | undefined,
): EnteredWork {
  const entry = registry.begin({ name, owner, ...(task !== undefined && { parent: task }) })
  const forget = cancelSource(cancellation).onCancel(() => entry.cancelling())
  return {
    place: { registry, owner, task: entry.id },
    end() {
      forget()
      entry.ended()
    },
  }
}
