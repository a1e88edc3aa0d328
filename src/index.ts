/**
 * Exovisor: supervised actors, and a node that runs language models split over ordinary machines.
 *
 * Everything of `exovisor/runtime` is here too. Who needs the runtime alone imports that: it loads neither gRPC
 * nor ONNX Runtime.
 */
export type {
  ChatMessage,
  GenerationDone,
  GenerationEvent,
  GenerationRequest,
  GenerationStats,
  StageDescription,
} from './cluster/generation.ts'
export type { DiscoveredPeer, DiscoveryClient, DiscoveryEvent } from './discovery/discovery.ts'
export type { SamplingParameters } from './engine/sampler.ts'
export type { CallOptions, Channel, UnaryMethod } from './network/channel.ts'
export { type ChannelPoolInput, channelPool, createChannelPool } from './network/channel-pool.ts'
export {
  type GeneratedToken,
  type Node,
  type NodeModel,
  type NodeRequest,
  type SpawnNodeOptions,
  spawnNode,
} from './node.ts'
export type { NodeReload } from './node-reload.ts'
export * from './runtime.ts'
export { version } from './version.ts'
