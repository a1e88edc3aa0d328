import { LazyAbort } from '../concurrency/lazy-abort.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import type { ExovisorError } from '../errors.ts'
import type { IncarnationOptions } from './incarnation-options.ts'
import { bindLog } from './log.ts'
import type { InitializeContext, ResourceSelf } from './types.ts'

/** Who is told how an initialisation ended: exactly one of these, once. */
interface InitializationOwner<Client> {
  readonly self: ResourceSelf
  initialized(client: Client): void
  notInitialized(error: unknown): void
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

/**
 * What `initialize` gets. Signal and log are made when they are asked for, since most kinds ask for neither; as own properties, so that a copy by
 * spreading has them.
 */
function contextOf<Input>(
  options: Options<Input, unknown>,
  self: ResourceSelf,
  abort: LazyAbort,
): InitializeContext<Input> {
  const { definition, environment, name, number, input } = options
  return {
    input,
    self,
    clock: environment.clock,
    random: environment.random,
    get signal() {
      return abort.signal
    },
    get log() {
      return bindLog(environment.log, { kind: definition.kind, resource: name, incarnation: number })
    },
  }
}

/** One call of a definition's `initialize`, with its signal and its time limit. */
export class Initialization<Input, Client> {
  /** Settles when the call has: with its result, or with undefined when it failed. Never rejects. */
  readonly acquired: Promise<Client | undefined>
  readonly #owner: InitializationOwner<Client>
  readonly #abort = new LazyAbort()
  #cancelTimer: CancelTimer | undefined
  #isOver = false

  /** @param timedOut called at most once, and only while the call has not settled and was not given up */
  constructor(options: Options<Input, Client>, owner: InitializationOwner<Client>, timedOut: () => void) {
    this.#owner = owner
    this.acquired = this.#call(options).then(
      client => this.#succeed(client),
      error => this.#fail(error),
    )
    // What settles at once is told of before this runs, and needs no timer.
    queueMicrotask(() => {
      const { environment, timing } = options
      if (!this.#isOver) this.#cancelTimer = schedule(environment.clock, timing.startTimeout, timedOut)
    })
  }

  /** Aborts the signal; the call may still settle. Does nothing once it has. */
  giveUp(reason: () => ExovisorError): void {
    if (this.#isOver) return
    this.#finish()
    this.#abort.abort(reason)
  }

  #call(options: Options<Input, Client>): Promise<Client> {
    try {
      const context = contextOf(options, this.#owner.self, this.#abort)
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
