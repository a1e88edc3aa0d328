import { isRoutable, pathOf } from './registry-path.ts'
import type { RegistryEntry } from './registry-types.ts'
import type { ResourceSnapshot } from './types.ts'

/** What a registry tells of a resource that its snapshot does not know. */
export interface RegistryPlace {
  /** The path of its supervisor; empty for a root. */
  readonly parent: string
  readonly dependencies?: readonly string[]
  readonly suspended?: boolean
}

/** The entry of a resource by its snapshot and its place. */
export function registryEntry(
  snapshot: ResourceSnapshot,
  { parent, dependencies = [], suspended = false }: RegistryPlace,
): RegistryEntry {
  const { kind, name, displayName, state, incarnation, since, restarts, lastError, lastHealth } = snapshot
  return {
    path: pathOf(parent, name),
    parent,
    kind,
    name,
    displayName,
    state,
    incarnation,
    dependencies,
    since,
    restarts,
    ...(lastError && { lastError }),
    ...(lastHealth && { lastHealth }),
    suspended,
    routable: isRoutable({ state, suspended }),
  }
}
