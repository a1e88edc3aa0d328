/** A request that is being answered. */
export interface RunningRequest {
  readonly startedAt: number
  /** Aborts when the client has gone, or when the server cuts the answer off. */
  readonly signal: AbortSignal
}

/** The requests that a server is answering: what it waits for, and then cuts off, when it closes. */
export interface RunningRequests {
  readonly size: number
  /** True from the first moment of closing on: new work is refused. */
  readonly draining: boolean
  /** `endless`: the answer has no end of its own, so that nobody waits for it. */
  add(startedAt: number, endless: boolean): RunningRequest & { abort(reason: unknown): void; finish(): void }
  /** From now on no new work is taken; answers without an end are aborted. */
  drain(reason: unknown): void
  /** Settles when nothing runs. */
  idle(): Promise<void>
  abortAll(reason: unknown): void
}

/** Keeps the books of one server. */
export function runningRequests(): RunningRequests {
  const running = new Set<AbortController>()
  const endlessOnes = new Set<AbortController>()
  let waiting: (() => void)[] = []
  let draining = false
  return {
    get size() {
      return running.size
    },
    get draining() {
      return draining
    },
    add(startedAt, endless) {
      const controller = new AbortController()
      running.add(controller)
      if (endless) endlessOnes.add(controller)
      return {
        startedAt,
        signal: controller.signal,
        abort: reason => controller.abort(reason),
        finish() {
          running.delete(controller)
          endlessOnes.delete(controller)
          if (running.size > 0) return
          for (const resolve of waiting) resolve()
          waiting = []
        },
      }
    },
    drain(reason) {
      draining = true
      for (const controller of [...endlessOnes]) controller.abort(reason)
    },
    idle: () => new Promise(resolve => (running.size === 0 ? resolve() : waiting.push(resolve))),
    abortAll(reason) {
      for (const controller of [...running]) controller.abort(reason)
    },
  }
}
