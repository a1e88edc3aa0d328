import { pool } from '../../../machines/pool.ts'
import { defineResource } from '../define.ts'
import { ownerOf } from '../self.ts'
import type { ResourceDefinition } from '../types.ts'
import { type PoolOptions, poolSettings } from './options.ts'
import { PoolCore } from './pool.ts'
import type { Pool } from './types.ts'

/** What a pool is made of. */
export interface PoolInput<Input, Client> extends PoolOptions<Client> {
  /** What each member gets as its input. */
  readonly input: Input
}

/**
 * A pool as a resource, supervised like any other: its members are resources of the given kind. READY means that it holds `min`
 * members; when one of these cannot be created, the others are closed and the pool fails with that reason. Closing waits up to
 * `drainTimeout` for what is borrowed. A member that fails is replaced by the pool and costs no restart of it.
 *
 * @example
 * const connections = poolResource(connection)
 * await using root = await supervise({
 *   children: [{ id: 'db', resource: connections, input: { input: { url }, min: 2, max: 20 } }],
 * })
 * const db = await root.ref(connections, 'db').ready()
 * const rows = await db.use(client => client.query('select 1'), { timeout: 2_000 })
 *
 * @throws EXO_POOL_INVALID, when it starts, for wrong options
 */
export function poolResource<Input, Client, Message>(
  definition: ResourceDefinition<Input, Client, Message>,
): ResourceDefinition<PoolInput<Input, Client>, Pool<Client>> {
  return defineResource<PoolInput<Input, Client>, PoolCore<Client>>({
    kind: 'pool',
    machine: pool,
    async initialize({ input: { input, ...options }, self, signal }) {
      const settings = poolSettings(options, `pool ${JSON.stringify(self.name)}`)
      const core = new PoolCore<Client>({ definition, input, settings, self })
      const { work } = ownerOf(self)
      // At once, so that nobody goes on waiting for a pool that is about to end.
      work.addEventListener('abort', () => void core.stop('it is being closed'), { once: true })
      try {
        await core.fill(signal)
        return core
      } catch (error) {
        await core.stop('it could not be filled')
        throw error
      }
    },
    async checkHealth(core) {
      core.checkHealth()
    },
    async cleanup(core, { reason, signal }) {
      await core?.stop(reason, signal)
    },
  })
}
