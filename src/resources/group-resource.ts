import { lifecycle } from '../../machines/lifecycle.ts'
import { ExovisorError } from '../errors.ts'
import { defineResource } from './define.ts'
import { GroupCore } from './group-core.ts'
import type { AnyMemberSpec, GroupClient, GroupShape, MemberSpec } from './group-types.ts'
import { ownerOf } from './self.ts'
import type { ResourceDefinition, ResourceSelf } from './types.ts'

/** What a group is made of that a supervisor starts. */
export interface GroupInput extends GroupShape {
  /** In the order of adding: a resource may depend on those before it. Make each with {@link memberSpec}. */
  readonly resources: readonly AnyMemberSpec[]
}

/** Makes a spec whose input is checked against its definition, for a list of specs of several kinds. */
export function memberSpec<Input, Client, Message>(spec: MemberSpec<Input, Client, Message>): AnyMemberSpec {
  return spec
}

/** Shows the state of a group as that of the resource that it is. */
function mirror(group: GroupCore, self: ResourceSelf): void {
  if (group.state === 'ERROR') self.fail(group.failure)
  if (group.state === 'DEGRADED') self.degrade(group.failure)
  if (group.state === 'READY') self.recovered()
}

/**
 * A group as a resource: give it as `resource` of a child spec, so that a supervisor restarts it as one. It goes to ERROR when one of
 * its resources does, is DEGRADED when one is, and its soft restart is that of its DEGRADED resources. Its client is
 * a {@link GroupClient}; refs from it, and resources added through it, belong to one incarnation of the group.
 *
 * @example
 * const root = await supervise({
 *   children: [childSpec({
 *     id: 'storage',
 *     resource: resourceGroup,
 *     input: { order: 'sequence', resources: [
 *       memberSpec({ name: 'disk', resource: disk, input: { path } }),
 *       memberSpec({
 *         name: 'index',
 *         resource: index,
 *         inputOf: group => ({ disk: group.getResource(disk, 'disk') }),
 *         dependsOn: ['disk'],
 *       }),
 *     ] },
 *   })],
 * })
 */
export const resourceGroup: ResourceDefinition<GroupInput, GroupClient> = defineResource<
  GroupInput,
  GroupCore
>({
  kind: 'group',
  machine: lifecycle,
  async initialize({ input, self, signal, clock }) {
    const { resources, ...shape } = input
    const { environment, actor } = ownerOf(self)
    const group = new GroupCore(self.name, shape, { environment, parent: actor })
    for (const spec of resources) {
      const options = 'inputOf' in spec ? { ...spec, input: spec.inputOf(group) } : spec
      await group.addResource(spec.resource, options)
    }
    group.subscribe(() => mirror(group, self))
    await group.initialize({ signal })
    // READY comes after this function has ended: what happened before that is looked at then.
    clock.nextTurn(() => mirror(group, self))
    return group
  },
  recover: group => group.recover(),
  async cleanup(group, { reason, signal }) {
    const failures = (await group?.close(reason, { signal })) ?? []
    if (failures.length === 0) return
    const [cause] = failures
    const messages = failures.map(({ message }) => message)
    throw new ExovisorError('EXO_RESOURCE_FAILED', messages.join('; '), { cause, details: { messages } })
  },
})
