import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import type { ExovisorError } from '../errors.ts'

interface InitializationTask<Client> {
  readonly clock: Clock
  /** Milliseconds; infinite is allowed. */
  readonly timeout: number
  initialize(signal: AbortSignal): Promise<Client>
  succeeded(client: Client): void
  failed(error: unknown): void
  /** Told at most once, and only while neither of the others was. */
  timedOut(): void
}

/** One call of a definition's `initialize`, with its signal and its time limit. */
export class Initialization<Client> {
  /** Settles when the call has: with its result, or with undefined when it failed. Never rejects. */
  readonly acquired: Promise<Client | undefined>
  readonly #task: InitializationTask<Client>
  readonly #abort = new AbortController()
  #cancelTimer: CancelTimer | undefined
  #isOver = false

  constructor(task: InitializationTask<Client>) {
    this.#task = task
    this.acquired = this.#call().then(
      client => {
        this.#finish()
        task.succeeded(client)
        return client
      },
      error => {
        this.#finish()
        task.failed(error)
        return undefined
      },
    )
    // What settles at once is told of before this runs, and needs no timer.
    queueMicrotask(() => this.#arm())
  }

  /** Aborts the signal; the call may still settle. Does nothing once it has. */
  giveUp(reason: () => ExovisorError): void {
    if (this.#isOver) return
    this.#finish()
    this.#abort.abort(reason())
  }

  #call(): Promise<Client> {
    try {
      return Promise.resolve(this.#task.initialize(this.#abort.signal))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #arm(): void {
    if (this.#isOver) return
    const { clock, timeout, timedOut } = this.#task
    this.#cancelTimer = schedule(clock, timeout, timedOut)
  }

  #finish(): void {
    this.#isOver = true
    this.#cancelTimer?.()
  }
}
