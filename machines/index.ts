import { discovery } from './discovery.ts'
import { inference } from './inference.ts'
import { type AnyLifecycleMachine, lifecycle } from './lifecycle.ts'
import { node } from './node.ts'
import { peer } from './peer.ts'
import { pool } from './pool.ts'
import { server } from './server.ts'
import { supervisor } from './supervisor.ts'

/** Every machine of Exovisor by its name, the plain lifecycle first. */
export const machines: Readonly<Record<string, AnyLifecycleMachine>> = {
  lifecycle,
  supervisor,
  node,
  peer,
  discovery,
  server,
  inference,
  pool,
}

export type { DiscoveryMachineEvent } from './discovery.ts'
export type { InferenceEvent } from './inference.ts'
export * from './lifecycle.ts'
export type { NodeEvent } from './node.ts'
export type { PeerEvent } from './peer.ts'
export type { PoolEvent } from './pool.ts'
export type { ServerEvent } from './server.ts'
export type { SupervisorMachineEvent } from './supervisor.ts'
export { discovery, inference, node, peer, pool, server, supervisor }
