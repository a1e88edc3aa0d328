import { realClock } from '../concurrency/clock.ts'
import { realRandom } from '../concurrency/random.ts'
import { TurnScheduler } from '../concurrency/scheduler.ts'
import { GroupCore } from './group-core.ts'
import type { GroupOptions, ResourceGroup } from './group-types.ts'
import { silentLog } from './log.ts'

/**
 * Creates a group of resources that are started and closed as one. Nothing happens until `initialize()`.
 * A group restarts nothing by itself: give {@link resourceGroup} to a supervisor for that.
 *
 * @example
 * await using group = createResourceGroup({ name: 'node', order: 'sequence' })
 * await group.addResource(discovery, { name: 'discovery', input: { port: 5678 } })
 * await group.addResource(server, { name: 'server', input: { port: 0 }, dependsOn: ['discovery'] })
 * await group.initialize({ timeout: 10_000 })
 * const client = await group.getResource(server, 'server').ready()
 *
 * @throws EXO_CHILD_SPEC_INVALID for a wrong name, order or concurrency
 */
export function createResourceGroup(options: GroupOptions = {}): ResourceGroup {
  const { name = 'group', clock = realClock, random = realRandom, log = silentLog, report } = options
  const scheduler = options.scheduler ?? new TurnScheduler(clock)
  return new GroupCore(name, options, {
    environment: { clock, random, log, scheduler, ...(report && { report }) },
    onDeadLetter: letter => options.onDeadLetter?.(letter),
  })
}
