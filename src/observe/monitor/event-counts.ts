import type { SupervisionEvent } from '../../supervision/types.ts'

/** What has been counted of one resource. */
export interface Counted {
  readonly path: string
  readonly restarts: number
  readonly errors: readonly { readonly code: string; readonly message: string; readonly count: number }[]
}

/** Events that say of an error that it has just happened. The others say again what follows from it. */
const news: ReadonlySet<string> = new Set<SupervisionEvent['type']>([
  'degraded',
  'failed',
  'start_error',
  'resumed',
  'shutdown_error',
])

/** Distinct errors of one resource between two looks; further ones are counted with the last of them. */
const MOST_ERRORS = 8
const MESSAGE_LENGTH = 500

interface Counting {
  restarts: number
  readonly errors: Map<string, { readonly code: string; message: string; count: number }>
}

/** Restarts and errors of each resource, one by one, until somebody takes them. */
export class EventCounts {
  #byPath = new Map<string, Counting>()

  restart(path: string): void {
    this.#of(path).restarts += 1
  }

  event(path: string, { type, error }: SupervisionEvent): void {
    if (!error || !news.has(type)) return
    const { errors } = this.#of(path)
    const known =
      errors.get(error.code) ?? (errors.size < MOST_ERRORS ? undefined : [...errors.values()].at(-1))
    const message = error.message.slice(0, MESSAGE_LENGTH)
    if (!known) errors.set(error.code, { code: error.code, message, count: 1 })
    else {
      known.count += 1
      known.message = message
    }
  }

  take(): readonly Counted[] {
    const counted = [...this.#byPath].map(([path, { restarts, errors }]) => ({
      path,
      restarts,
      errors: [...errors.values()],
    }))
    this.#byPath = new Map()
    return counted
  }

  #of(path: string): Counting {
    const known = this.#byPath.get(path)
    if (known) return known
    const counting: Counting = { restarts: 0, errors: new Map() }
    this.#byPath.set(path, counting)
    return counting
  }
}
