import type { LifecycleState } from '../../../machines/lifecycle.ts'
import { type CreateOptions, createResource, type OwnedResource } from '../create.ts'
import type { ResourceDefinition } from '../types.ts'
import { type PoolInput, poolResource } from './pool-resource.ts'
import type { PoolStatistics } from './statistics.ts'
import type { AcquireOptions, Lease, Pool } from './types.ts'

/** What a pool without a supervisor takes from the world. */
export type PoolSurroundings = Pick<
  CreateOptions<unknown>,
  'name' | 'clock' | 'random' | 'scheduler' | 'log' | 'inspect'
>

/** How a pool without a supervisor is created. */
export interface CreatePoolOptions<Input, Client> extends PoolInput<Input, Client>, PoolSurroundings {}

/** A pool without a supervisor: its owner closes it. */
export interface OwnedPool<Client> extends Pool<Client>, AsyncDisposable {
  readonly name: string
  readonly state: LifecycleState
  /** Ends it like {@link Pool.drain}. Resolves when CLOSED. */
  close(): Promise<void>
}

class Owned<Client> implements OwnedPool<Client> {
  readonly #resource: OwnedResource<Pool<Client>>
  readonly #pool: Pool<Client>

  constructor(resource: OwnedResource<Pool<Client>>, pool: Pool<Client>) {
    this.#resource = resource
    this.#pool = pool
  }

  get name(): string {
    return this.#resource.name
  }

  get state(): LifecycleState {
    return this.#resource.state
  }

  acquire(options?: AcquireOptions): Promise<Lease<Client>> {
    return this.#pool.acquire(options)
  }

  use<Result>(
    work: (client: Client, lease: Lease<Client>) => Result | Promise<Result>,
    options?: AcquireOptions,
  ): Promise<Result> {
    return this.#pool.use(work, options)
  }

  statistics(): PoolStatistics {
    return this.#pool.statistics()
  }

  drain(): Promise<void> {
    return this.#pool.drain()
  }

  close(): Promise<void> {
    return this.#resource.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Starts a pool of a kind that was made by {@link poolResource}, or on top of it. */
export async function startPool<Options extends PoolSurroundings, Client>(
  definition: ResourceDefinition<Omit<Options, keyof PoolSurroundings>, Pool<Client>>,
  options: Options,
): Promise<OwnedPool<Client>> {
  const { name, clock, random, scheduler, log, inspect, ...input } = options
  const resource = createResource(definition, {
    input,
    // Each member and the draining have limits of their own.
    startTimeout: Number.POSITIVE_INFINITY,
    shutdown: 'infinity',
    ...(name !== undefined && { name }),
    ...(clock && { clock }),
    ...(random && { random }),
    ...(scheduler && { scheduler }),
    ...(log && { log }),
    ...(inspect && { inspect }),
  })
  try {
    return new Owned(resource, await resource.initialize())
  } catch (error) {
    await resource.close()
    throw error
  }
}

/**
 * Starts a pool without a supervisor, and resolves when it holds `min` members.
 *
 * @example
 * await using pool = await createPool(connection, { input: { url }, min: 1, max: 20, name: 'db' })
 * await using lease = await pool.acquire({ timeout: 2_000, signal })
 * await lease.client.query('select 1')
 *
 * @throws EXO_POOL_INVALID for wrong options; when a member cannot be created, the reason of that with its own code
 */
export function createPool<Input, Client, Message>(
  definition: ResourceDefinition<Input, Client, Message>,
  options: CreatePoolOptions<Input, Client>,
): Promise<OwnedPool<Client>> {
  return startPool<CreatePoolOptions<Input, Client>, Client>(poolResource(definition), options)
}
