/** An abort controller that is made when somebody looks at its signal: most work never does, and a controller costs more than a message. */
export class LazyAbort {
  #controller: AbortController | undefined
  #reason: (() => unknown) | undefined

  /** The same signal each time; aborted already when {@link abort} has been called. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason())
    }
    return this.#controller.signal
  }

  /** Aborts the signal. Only the first call counts. The reason, too, is made only if somebody looks. */
  abort(reason: () => unknown): void {
    if (this.#reason) return
    this.#reason = reason
    this.#controller?.abort(reason())
  }
}
