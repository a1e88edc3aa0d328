import type { LayerRange } from './partition.ts'

/** What a node must know to hold a shard. */
export interface ShardOrder {
  /** Stable name of the placement: the entry node and the model. Epochs count within it. */
  readonly placement: string
  /** Id of the entry node: when it is gone, nobody needs the shard. */
  readonly owner: string
  readonly epoch: number
  /** `builtin`, or the path of a model directory. */
  readonly model: string
  /** Of the model's files at the entry: the holder refuses other files. */
  readonly fingerprint: string
  readonly layers: LayerRange
  /** The longest sequence, in tokens. */
  readonly context: number
  /** How many sequences at a time: the same at every stage, or one would refuse what another one lets in. */
  readonly slots: number
}

/** A shard that is loaded and waits to be linked. */
export interface HeldShard {
  /** `host:port` of its tensor stream. */
  readonly endpoint: string
  readonly enginePid: number
  /** Milliseconds that it is expected to take for one token, where it was measured after loading. */
  readonly stepMs?: number
}

/** A node as the placement sees it: this one, or a peer over the network. */
export interface StageHost {
  readonly id: string
  readonly name: string
  readonly pid: number
  /** Memory that the node offers, in bytes. */
  readonly memory: number
  /** Loads the shard, or returns it if it is loaded; waits while the engine is restarted. */
  place(order: ShardOrder, options: { readonly signal: AbortSignal }): Promise<HeldShard>
  /** Moves the shard to its epoch, and connects it to the stage below. */
  link(
    order: Pick<ShardOrder, 'placement' | 'epoch'> & { readonly next?: string },
    options: { readonly signal: AbortSignal },
  ): Promise<void>
  /** Gives the shard up. */
  release(order: Pick<ShardOrder, 'placement' | 'epoch'>): Promise<void>
}
