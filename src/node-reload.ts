import { changedKeys } from './config/changes.ts'
import { resolvePolicies } from './config/resolve-policies.ts'
import type { Config } from './config/schema.ts'
import type { ResourceLog } from './resources/types.ts'
import type { Supervisor } from './supervision/types.ts'

/** What came of reading the configuration again: paths of keys, such as `supervision.kinds.peer.shutdown`. */
export interface NodeReload {
  /** What holds now. */
  readonly applied: readonly string[]
  /** What has changed too, and holds after a restart of the node only. */
  readonly kept: readonly string[]
}

/**
 * Gives the supervisors of a node the policies of another configuration. The rest of it has been used up when the node started.
 * @returns the configuration that holds now, and what has changed
 */
export function reloadNode(
  root: Supervisor,
  before: Config,
  after: Config,
): { readonly config: Config; readonly reload: NodeReload } {
  const changed = changedKeys(before, after)
  const isLive = (key: string): boolean => key.startsWith('supervision')
  const applied = changed.filter(isLive)
  if (applied.length > 0) root.reload({ policies: resolvePolicies(after) })
  return {
    config: { ...before, supervision: after.supervision },
    reload: { applied, kept: changed.filter(key => !isLive(key)) },
  }
}

/** Names the keys, and no values: some are secrets. */
export function logReload(log: ResourceLog, { applied, kept }: NodeReload): void {
  const facts = { event: 'config.reloaded', applied, kept }
  const what = applied.length > 0 ? `these hold now: ${applied.join(', ')}` : 'nothing of it can change now'
  const none = applied.length + kept.length === 0
  log.info(facts, `the configuration was read again: ${none ? 'it is the same' : what}`)
  if (kept.length > 0) log.warn(facts, `these hold after a restart of the node only: ${kept.join(', ')}`)
}
