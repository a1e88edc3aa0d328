/**
 * Structured concurrency over plain promises: scopes that are cancelled as a whole, tasks that end together, and what they need to work
 * with each other. Loads nothing but itself.
 *
 * @module
 */
export { type ErrorCode, ExovisorError, isExovisorError } from '../errors.ts'
export { AsyncCallback, type CallbackOptions, type CallbackWaitOptions } from './callback.ts'
export type { CallbackCondition } from './callback-condition.ts'
export type { CallbackQueueOptions } from './callback-queue.ts'
export { AsyncCallbackRegistry } from './callback-registry.ts'
export { type Cancellation, Cancelled, type CancelSource, isCancellation } from './cancellation.ts'
export { CapacityLimiter, type CapacityStatistics, withToken } from './capacity-limiter.ts'
export { type Channel, type ChannelStatistics, channel, type Receiver, type Sender } from './channel.ts'
export { type Clock, realClock, type TimerHandle } from './clock.ts'
export { Condition } from './condition.ts'
export { Event } from './event.ts'
export { Future } from './future.ts'
export { type GatherOptions, gather } from './gather.ts'
export { filterErrors, type SplitError, splitErrors, TaskGroupError } from './group-errors.ts'
export { Lock, withLock } from './lock.ts'
export { type OpenTaskGroup, openTaskGroup } from './open-task-group.ts'
export { ResourceGuard } from './resource-guard.ts'
export { CancelScope, type ScopeOptions } from './scope.ts'
export { Semaphore, withPermit } from './semaphore.ts'
export { type SignalEmitter, type SignalStream, signalStream } from './signals.ts'
export type { Task, TaskStatus } from './task.ts'
export {
  type SpawnOptions,
  type Started,
  type StartOptions,
  type TaskGroup,
  withTaskGroup,
} from './task-group.ts'
export { VirtualClock } from './virtual-clock.ts'
export { failAfter, moveOnAfter, type TimedScopeOptions, withCancelScope } from './with-scope.ts'
