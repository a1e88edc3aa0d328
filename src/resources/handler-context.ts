import type { LazyAbort } from '../concurrency/lazy-abort.ts'
import type { ResourceSelf } from './types.ts'

/** What a handler gets beside its message. The signal is made when it is asked for: most handlers never do, and it costs more than the message. */
export class HandlerContext {
  readonly self: ResourceSelf
  readonly #work: LazyAbort

  constructor(self: ResourceSelf, work: LazyAbort) {
    this.self = self
    this.#work = work
  }

  get signal(): AbortSignal {
    return this.#work.signal
  }
}
