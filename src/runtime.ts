/**
 * The kernel alone: resources and supervisors for any Node.js service. Loads neither gRPC nor ONNX Runtime.
 *
 * @module
 */
export * from '../machines/lifecycle.ts'
export { createInterpretedActor } from './actors/create-actor.ts'
export {
  type AddressedDeadLetter,
  type DeadLetter,
  type DeadLetterReason,
  type DeadLetterRecord,
  DeadLetters,
} from './actors/dead-letters.ts'
export type { InspectionObserver } from './actors/inspection.ts'
export type { ActorFactory } from './actors/machine-actor.ts'
export type { MailboxPolicy, Overflow } from './actors/mailbox-policy.ts'
export { type Clock, realClock, type TimerHandle } from './concurrency/clock.ts'
export { type Random, realRandom, seededRandom } from './concurrency/random.ts'
export { type Scheduler, SeededScheduler, TurnScheduler } from './concurrency/scheduler.ts'
export { VirtualClock } from './concurrency/virtual-clock.ts'
export * from './errors.ts'
export type { Figures, Outage } from './observe/history/entry.ts'
export {
  type CreateMonitorOptions,
  createMonitor,
  type MonitorInput,
  type OwnedMonitor,
  resourceMonitor,
} from './observe/monitor/create-monitor.ts'
export type { Measured, Traffic } from './observe/monitor/figure-reader.ts'
export type { Happened, Spread } from './observe/monitor/report.ts'
export type * from './observe/monitor/types.ts'
export {
  inspectWithStately,
  type StatelyInspection,
  type StatelyOptions,
} from './observe/stately/inspect-with-stately.ts'
export { type CreateOptions, createResource, type OwnedResource } from './resources/create.ts'
export { defineResource } from './resources/define.ts'
export { defaultTiming, type Environment, type ShutdownLimit, type Timing } from './resources/environment.ts'
export { createResourceGroup } from './resources/group.ts'
export { type GroupInput, memberSpec, resourceGroup } from './resources/group-resource.ts'
export type * from './resources/group-types.ts'
export { defaultHealth, type HealthPolicy, type HealthRecord } from './resources/health.ts'
export { link } from './resources/link.ts'
export { silentLog } from './resources/log.ts'
export type { Down, DownReason, MonitorOptions } from './resources/monitor.ts'
export { networkResource } from './resources/network-resource.ts'
export type * from './resources/network-types.ts'
export { type CreatePoolOptions, createPool, type OwnedPool } from './resources/pool/create-pool.ts'
export type { PoolOptions } from './resources/pool/options.ts'
export { type PoolInput, poolResource } from './resources/pool/pool-resource.ts'
export type { PoolStatistics } from './resources/pool/statistics.ts'
export type { AbandonedBorrow, AcquireOptions, Lease, Pool } from './resources/pool/types.ts'
export { answerPings } from './resources/process/answer-pings.ts'
export type { ProcessClient, ProcessInput } from './resources/process/owned-process.ts'
export { processResource } from './resources/process/process-resource.ts'
export { Registry } from './resources/registry.ts'
export type * from './resources/registry-types.ts'
export type { TraceEvent } from './resources/trace.ts'
export type * from './resources/types.ts'
export { type UseContext, type UseOptions, withResource } from './resources/use.ts'
export { checkPolicy, type PolicyFault, policyFaults } from './supervision/check-policy.ts'
export { checkSpecs, type SpecFault } from './supervision/check-specs.ts'
export { type ChildSpecData, childSpec } from './supervision/child-spec.ts'
export { EventStream, type EventStreamOptions } from './supervision/events/stream.ts'
export * from './supervision/policy.ts'
export { resolvePolicy } from './supervision/resolve-policy.ts'
export { supervise } from './supervision/supervise.ts'
export { supervisorResource } from './supervision/supervisor-resource.ts'
export type * from './supervision/types.ts'
