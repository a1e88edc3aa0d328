import { detach } from '../concurrency/detach.ts'
import { LazyAbort } from '../concurrency/lazy-abort.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import type { ExovisorError } from '../errors.ts'
import type { IncarnationOptions } from './incarnation-options.ts'
import { initializeContext } from './initialize-context.ts'
import type { InitializeContext, ResourceSelf } from './types.ts'

/** Who is told how an initialisation ended: exactly one of the first two, once. */
interface InitializationOwner<Client> {
  readonly self: ResourceSelf
  initialized(client: Client): void
  notInitialized(error: unknown): void
  /** Its time is over. At most once, and only while the call has not settled and was not given up. */
  startTimedOut(): void
}

/** The part of an incarnation's options that its initialisation needs. */
type Options<Input, Client> = Pick<
  IncarnationOptions<Input, Client, never>,
  'name' | 'number' | 'input' | 'environment' | 'timing'
> & {
  readonly definition: {
    readonly kind: string
    initialize(context: InitializeContext<Input>): Promise<Client>
  }
}

/** In whose turn something runs that is to come after all that is settled by now. Costs a third of `queueMicrotask` in Node. */
const settled = Promise.resolve()

/** One call of a definition's `initialize`, with its signal and its time limit. */
export class Initialization<Input, Client> {
  /** Settles when the call has: with its result, or with undefined when it failed. Never rejects. */
  readonly acquired: Promise<Client | undefined>
  readonly #owner: InitializationOwner<Client>
  readonly #abort = new LazyAbort()
  #cancelTimer: CancelTimer | undefined
  #isOver = false

  constructor(options: Options<Input, Client>, owner: InitializationOwner<Client>) {
    this.#owner = owner
    this.acquired = this.#call(options).then(
      client => this.#succeed(client),
      error => this.#fail(error),
    )
    // What settles at once is told of before this runs, and needs no timer.
    detach(
      settled.then(() => {
        if (!this.#isOver) this.#watchTime(options)
      }),
    )
  }

  /** Aborts the signal; the call may still settle. Does nothing once it has. */
  giveUp(reason: () => ExovisorError): void {
    if (this.#isOver) return
    this.#finish()
    this.#abort.abort(reason)
  }

  #watchTime({ environment, timing }: Options<Input, Client>): void {
    this.#cancelTimer = schedule(environment.clock, timing.startTimeout, () => this.#owner.startTimedOut())
  }

  #call(options: Options<Input, Client>): Promise<Client> {
    try {
      const context = initializeContext(options, this.#owner.self, this.#abort)
      return Promise.resolve(options.definition.initialize(context))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #succeed(client: Client): Client {
    this.#finish()
    this.#owner.initialized(client)
    return client
  }

  #fail(error: unknown): undefined {
    this.#finish()
    this.#owner.notInitialized(error)
    // What else it had begun with this signal is of no use any more.
    this.#abort.abort(() => error)
  }

  #finish(): void {
    this.#isOver = true
    this.#cancelTimer?.()
  }
}
