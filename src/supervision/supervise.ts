import type { InspectionObserver } from '../actors/inspection.ts'
import { realClock } from '../concurrency/clock.ts'
import { detach } from '../concurrency/detach.ts'
import { TurnScheduler } from '../concurrency/scheduler.ts'
import { createResource, type OwnedResource } from '../resources/create.ts'
import { silentLog } from '../resources/log.ts'
import { Registry } from '../resources/registry.ts'
import type { TraceEvent } from '../resources/trace.ts'
import type {
  AnyResourceDefinition,
  LifecycleState,
  ResourceDefinition,
  ResourceRef,
  StateChange,
  WaitOptions,
} from '../resources/types.ts'
import { SupervisorAdmin } from './admin.ts'
import { checkOptions } from './check-options.ts'
import type { ChildSpecData } from './child-spec.ts'
import { EventStream } from './events/stream.ts'
import { supervisorPolicy } from './policy.ts'
import { supervisorResource } from './supervisor-resource.ts'
import type {
  ChildCounts,
  ChildSnapshot,
  ChildSpec,
  SuperviseOptions,
  SupervisionEvent,
  Supervisor,
  SupervisorClient,
  SupervisorEnd,
  SupervisorInput,
} from './types.ts'

/** A supervisor without a parent: what a parent would do for it, it does itself. */
class RootSupervisor implements Supervisor {
  readonly closed: Promise<SupervisorEnd>
  readonly #resource: OwnedResource<SupervisorClient>
  readonly #client: SupervisorClient

  constructor(
    resource: OwnedResource<SupervisorClient>,
    client: SupervisorClient,
    closed: Promise<SupervisorEnd>,
  ) {
    this.#resource = resource
    this.#client = client
    this.closed = closed
  }

  get name(): string {
    return this.#client.name
  }

  get state(): LifecycleState {
    return this.#resource.state
  }

  async ready(options?: WaitOptions): Promise<void> {
    await this.#resource.ready(options)
  }

  subscribe(listener: (change: StateChange) => void): () => void {
    return this.#resource.subscribe(listener)
  }

  close(): Promise<void> {
    return this.#resource.close('the root supervisor was closed')
  }

  ref<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    id: string,
  ): ResourceRef<Client, Message>
  ref(id: string): ResourceRef<unknown, unknown>
  ref(...[first, second]: [definition: object, id: string] | [id: string]): unknown {
    return second === undefined
      ? this.#client.ref(first as string)
      : this.#client.ref(first as AnyResourceDefinition, second)
  }

  start<Input, Client, Message>(
    spec: ChildSpec<Input, Client, Message>,
  ): Promise<ResourceRef<Client, Message>> {
    return this.#client.start(spec)
  }

  spawn<Input, Client, Message>(
    definition: ResourceDefinition<Input, Client, Message>,
    input: Input,
    options?: { readonly id?: string },
  ): Promise<ResourceRef<Client, Message>> {
    return this.#client.spawn(definition, input, options)
  }

  stop(id: string): Promise<void> {
    return this.#client.stop(id)
  }

  restart(id: string): Promise<void> {
    return this.#client.restart(id)
  }

  reset(id: string): Promise<void> {
    return this.#client.reset(id)
  }

  recover(id: string): Promise<void> {
    return this.#client.recover(id)
  }

  remove(id: string): Promise<void> {
    return this.#client.remove(id)
  }

  children(): readonly ChildSnapshot[] {
    return this.#client.children()
  }

  child(id: string): ChildSnapshot {
    return this.#client.child(id)
  }

  count(): ChildCounts {
    return this.#client.count()
  }

  spec(id: string): ChildSpecData {
    return this.#client.spec(id)
  }

  trace(id: string, listener: (event: TraceEvent) => void): () => void {
    return this.#client.trace(id, listener)
  }

  suspend(id: string): void {
    this.#client.suspend(id)
  }

  resume(id: string): void {
    this.#client.resume(id)
  }

  reload(input: SupervisorInput): void {
    this.#client.reload(input)
  }

  history(id: string): readonly SupervisionEvent[] {
    return this.#client.history(id)
  }

  onEvent(listener: (event: SupervisionEvent) => void): () => void {
    return this.#client.onEvent(listener)
  }

  inspect(observer: InspectionObserver): () => void {
    return this.#resource.inspect(observer)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Closes a root that failed, as a parent would, and tells how it ended. */
function watchEnd(resource: OwnedResource<SupervisorClient>, events: EventStream): Promise<SupervisorEnd> {
  let end: SupervisorEnd = { reason: 'closed', error: undefined }
  let client: SupervisorClient | undefined
  return new Promise(resolve => {
    resource.subscribe(({ state }) => {
      client = resource.client ?? client
      if (state === 'ERROR') {
        end = { reason: 'failed', error: resource.failure }
        detach(resource.close('the root supervisor failed'))
      }
      if (state === 'CLOSED') {
        events.close()
        const hasShutItselfDown = client instanceof SupervisorAdmin && client.core.hasShutItselfDown
        resolve(hasShutItselfDown ? { ...end, reason: 'auto_shutdown' } : end)
      }
    })
  })
}

/**
 * Starts a supervision tree and resolves when all its children are READY. They start in order.
 * When one cannot start, those before it are stopped in reverse order and the promise rejects: there is no retry at a first start.
 *
 * @example
 * await using root = await supervise({ children: [{ id: 'sessions', resource: cache, input: { url } }] })
 * const client = await root.ref(cache, 'sessions').ready({ timeout: 2_000 })
 *
 * @throws EXO_CHILD_SPEC_INVALID for a wrong spec or policy; else the cause, with its own code, naming the child
 */
export async function supervise(options: SuperviseOptions = {}): Promise<Supervisor> {
  checkOptions(options)
  const {
    name = 'root',
    clock = realClock,
    random,
    turn,
    createActor,
    deadLetters,
    tasks,
    log = silentLog,
    inspect,
    ...rest
  } = options
  const { events = new EventStream({ clock, log }), registry = new Registry(log), ...more } = rest
  const { scheduler = new TurnScheduler(clock, turn), ...input } = more
  const resource = createResource(supervisorResource, {
    name,
    input,
    startTimeout: supervisorPolicy.startTimeout,
    shutdown: supervisorPolicy.shutdown,
    clock,
    log,
    events,
    registry,
    ...(random && { random }),
    scheduler,
    ...(createActor && { createActor }),
    ...(deadLetters && { deadLetters }),
    ...(tasks && { tasks }),
    ...(inspect && { inspect }),
  })
  const closed = watchEnd(resource, events)
  try {
    return new RootSupervisor(resource, await resource.initialize(), closed)
  } catch (error) {
    await closed
    throw error
  }
}
