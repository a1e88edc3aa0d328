import type { Context, Tracer } from '@opentelemetry/api'
import type { CancelScope } from '../concurrency/scope.ts'
import { withTaskGroup } from '../concurrency/task-group.ts'
import { inSpan } from '../observe/tracing/spans.ts'
import type { ResourceLog } from '../resources/types.ts'
import { onHost } from './host-failure.ts'
import type { LayerRange } from './partition.ts'
import type { HeldShard, ShardOrder, StageHost } from './stage-host.ts'

/** A host, and the layers that it is to hold. */
interface ShardLoad {
  readonly host: StageHost
  readonly layers: LayerRange
}

/**
 * Loads shards side by side, each in a task of its own. Waits for all of them, also when one fails, so that no load goes on behind the back
 * of the next try. Nor does a failure cancel the others: what they have loaded is kept if the next try wants the same layers there.
 *
 * @param order what all shards have in common
 * @returns the shards, in the order of the loads
 * @throws HostFailure of the first load in this order that failed, also by being cancelled with the scope
 */
export async function loadShards(
  loads: readonly ShardLoad[],
  order: Omit<ShardOrder, 'layers'>,
  scope: CancelScope,
  { tracer, parent }: { readonly tracer: Tracer; readonly parent: Context },
): Promise<readonly HeldShard[]> {
  const steps: Promise<HeldShard>[] = []
  await withTaskGroup(
    group => {
      for (const { host, layers } of loads) {
        const name = `load ${rangeText(layers)} on ${host.name}`
        group.spawn(
          async task => {
            const step = onHost(
              host,
              inSpan(tracer, name, { parent }, () =>
                task.run(signal => host.place({ ...order, layers }, { signal })),
              ),
            )
            steps.push(step)
            await step.catch(() => undefined)
          },
          { name },
        )
      }
    },
    { scope, name: 'the loads of shards' },
  )
  // Tasks begin in the order in which they were spawned, so the steps are in that of the loads.
  return Promise.all(steps)
}

/** Has hosts give their shards up, each in a task of its own. One that cannot is left to notice by itself. */
export async function releaseShards(
  hosts: readonly StageHost[],
  order: Pick<ShardOrder, 'placement' | 'epoch'>,
  log: ResourceLog,
  scope: CancelScope,
): Promise<void> {
  const release = async (host: StageHost): Promise<void> => {
    try {
      await host.release(order)
    } catch (error) {
      log.debug({ placement: order.placement, error }, 'a shard could not be released')
    }
  }
  await withTaskGroup(
    group => {
      for (const host of hosts)
        group.spawn(() => release(host), { name: `release the shard on ${host.name}` })
    },
    { scope, name: 'the release of shards' },
  )
}

function rangeText([first, end]: LayerRange): string {
  return end - first === 1 ? `layer ${first}` : `layers ${first}-${end - 1}`
}
