import { supervisor } from '../../machines/supervisor.ts'
import { defineResource } from '../resources/define.ts'
import type { ResourceDefinition } from '../resources/types.ts'
import { SupervisorAdmin } from './admin.ts'
import { SupervisorCore } from './core.ts'
import type { SupervisorClient, SupervisorInput } from './types.ts'

/**
 * A supervisor as a resource: give it as `resource` of a child spec to nest supervisors. READY means that all its children are.
 * Refs of its children belong to one incarnation of it: after its restart ask its new client for new ones.
 */
export const supervisorResource: ResourceDefinition<SupervisorInput, SupervisorClient> = defineResource<
  SupervisorInput,
  SupervisorAdmin
>({
  kind: 'supervisor',
  machine: supervisor,
  async initialize({ input, self, signal }) {
    const core = new SupervisorCore(self, input)
    await core.startAll(signal)
    return new SupervisorAdmin(core)
  },
  async cleanup(admin, { reason }) {
    await admin?.core.stopAll(reason)
  },
})
