import type { Clock } from './clock.ts'

/** What can be seen of one background task. */
export interface TaskRecord {
  /** Unique within the registry. */
  readonly id: number
  /** What it does, e.g. `announce`. */
  readonly name: string
  /** Whose it is: the path of a resource, e.g. `node/discovery:udp`. */
  readonly owner: string
  /** `cancelling` from the moment in which it was told to end. */
  readonly state: 'running' | 'cancelling'
  /** Milliseconds of the registry's clock. */
  readonly startedAt: number
  /** The task that began it, if that was one of the registry. It may have ended since. */
  readonly parent?: number
}

/** Under whom tasks are entered: what a scope hands on to those inside it. */
export interface TaskPlace {
  readonly registry: TaskRegistry
  /** Whose they are: the path of a resource. */
  readonly owner: string
  /** The task that begins them. Default: none, they are the owner's first ones. */
  readonly task?: number
}

/** What stands in the registry of one task, for whoever runs it. */
export interface TaskEntry {
  readonly id: number
  /** It was told to end. */
  cancelling(): void
  /** It has ended, in whatever way. Calling it again does nothing. */
  ended(): void
}

interface Entry {
  readonly record: Omit<TaskRecord, 'state'>
  state: TaskRecord['state']
}

/**
 * All background tasks of one runtime: what runs, since when, and for whom. A task is in it from its start to its end, and holds
 * nothing there but its names, so the registry grows with what runs and with nothing else.
 */
export class TaskRegistry {
  readonly #clock: Clock
  readonly #entries = new Map<number, Entry>()
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get clock(): Clock {
    return this.#clock
  }

  /** How many run. */
  get size(): number {
    return this.#entries.size
  }

  /** Enters a task that begins now. */
  begin(task: { readonly name: string; readonly owner: string; readonly parent?: number }): TaskEntry {
    this.#last += 1
    const id = this.#last
    const entry: Entry = {
      record: { id, ...task, startedAt: this.#clock.now() },
      state: 'running',
    }
    this.#entries.set(id, entry)
    return {
      id,
      cancelling: () => {
        entry.state = 'cancelling'
      },
      ended: () => void this.#entries.delete(id),
    }
  }

  /** What runs, in the order of the starts; of one owner and what is below it, if a path is given. */
  list(owner?: string): readonly TaskRecord[] {
    const all = [...this.#entries.values()].map(({ record, state }) => ({ ...record, state }))
    return owner === undefined
      ? all
      : all.filter(task => task.owner === owner || task.owner.startsWith(`${owner}/`))
  }
}
