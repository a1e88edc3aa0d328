import type { Registry } from '../../resources/registry.ts'
import type { ChildSpecData } from '../../supervision/child-spec.ts'
import type { Supervisor } from '../../supervision/types.ts'
import { supervisorAt } from '../view/detail.ts'

/** The spec of a resource; undefined for the root, and while its supervisor restarts. */
export function specOf(
  { root, registry }: { readonly root: Supervisor; readonly registry: Registry },
  { parent, name }: { readonly parent: string; readonly name: string },
): ChildSpecData | undefined {
  if (parent === '') return undefined
  const supervisor = parent === root.name ? root : supervisorAt(registry, parent)
  try {
    return supervisor?.spec(name)
  } catch {
    return undefined
  }
}
