import { detach } from '../concurrency/detach.ts'
import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import {
  type InferenceClient,
  type InferenceInput,
  type InferenceMessage,
  inference,
} from '../engine/inference.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { loadModel } from '../models/load.ts'
import type { ResourceRef } from '../resources/types.ts'
import type { SupervisorClient } from '../supervision/types.ts'
import type { HeldShard, ShardOrder } from './stage-host.ts'

/** How this node runs engines: what a shard order leaves to its holder. */
export interface EngineOptions {
  readonly kind: 'onnx' | 'dummy'
  readonly threads: number
  readonly prefillChunk: number
  readonly host: string
  readonly key?: string
}

/** How long a shard may take until it is READY, restarts included. */
const READY_TIMEOUT_MS = 60_000

interface Held {
  readonly order: ShardOrder
  readonly childId: string
  readonly ref: ResourceRef<InferenceClient, InferenceMessage>
}

/**
 * Holds the shards of this node: one supervised inference resource a placement. An order of a newer epoch
 * keeps the engine if the layers are the same, so that a fail-over elsewhere costs no load here; an order of
 * an older one is refused.
 */
export class ShardHost {
  readonly #supervisor: SupervisorClient
  readonly #options: EngineOptions
  readonly #childId: (placement: string) => string
  readonly #held = new Map<string, Held>()
  /** Orders of one placement run one after the other. */
  readonly #queue = new Map<string, Promise<unknown>>()

  /** @param childId the name of the inference resource for a placement */
  constructor(supervisor: SupervisorClient, options: EngineOptions, childId: (placement: string) => string) {
    this.#supervisor = supervisor
    this.#options = options
    this.#childId = childId
  }

  /**
   * Loads a shard, or answers with the one that is loaded.
   *
   * @throws EXO_EPOCH_STALE, EXO_MODEL_MISMATCH, what loading the model throws, EXO_READY_TIMEOUT
   */
  place(order: ShardOrder, signal?: AbortSignal): Promise<HeldShard> {
    return this.#inTurn(order.placement, () => this.#place(order, signal))
  }

  /** @throws EXO_EPOCH_STALE when the shard belongs to another epoch, EXO_STREAM_CLOSED when the stage below cannot be reached */
  async link(order: {
    readonly placement: string
    readonly epoch: number
    readonly next?: string
  }): Promise<void> {
    const held = this.#held.get(order.placement)
    if (!held || held.order.epoch !== order.epoch)
      throw new ExovisorError(
        'EXO_EPOCH_STALE',
        `${order.placement}: epoch ${order.epoch} is to be linked, but this node holds ${held ? `epoch ${held.order.epoch}` : 'nothing'}`,
      )
    const { epoch, next } = order
    try {
      await held.ref.ask(
        { type: 'link', epoch, ...(next !== undefined && { next }) },
        { timeout: READY_TIMEOUT_MS },
      )
    } catch (cause) {
      // To the node that asked, this node works; what failed is the engine.
      if (!isExovisorError(cause, 'EXO_RESOURCE_FAILED') && !isExovisorError(cause, 'EXO_RESOURCE_CLOSED'))
        throw cause
      throw new ExovisorError(
        'EXO_ENGINE_DIED',
        `${order.placement}: the engine failed while it was linked`,
        { cause },
      )
    }
  }

  /** Gives a shard up. An epoch that is not the one held changes nothing. */
  release(order: { readonly placement: string; readonly epoch: number }): Promise<void> {
    return this.#inTurn(order.placement, async () => {
      const held = this.#held.get(order.placement)
      if (held && held.order.epoch <= order.epoch) await this.#drop(held)
    })
  }

  /** Gives up all shards that are held for a node that is gone, or for its earlier lives, all but the placement `kept`. */
  async releaseOwnedBy(nodeId: string, kept?: string): Promise<void> {
    const owned = [...this.#held.values()].filter(
      ({ order }) => order.owner === nodeId && order.placement !== kept,
    )
    await Promise.all(owned.map(({ order }) => this.release(order)))
  }

  async #place(order: ShardOrder, signal?: AbortSignal): Promise<HeldShard> {
    const held = this.#held.get(order.placement)
    if (held && held.order.epoch >= order.epoch)
      throw new ExovisorError(
        'EXO_EPOCH_STALE',
        `${order.placement}: epoch ${order.epoch} was ordered, but this node already holds epoch ${held.order.epoch}`,
      )
    if (held && !sameShard(held.order, order)) await this.#drop(held)
    const ref = this.#held.get(order.placement)?.ref ?? (await this.#start(order, signal))
    this.#held.set(order.placement, { order, ref, childId: this.#childId(order.placement) })
    return this.#answer(ref, signal)
  }

  async #start(
    order: ShardOrder,
    signal?: AbortSignal,
  ): Promise<ResourceRef<InferenceClient, InferenceMessage>> {
    const model = await loadModel(order.model)
    if (model.fingerprint !== order.fingerprint)
      throw new ExovisorError(
        'EXO_MODEL_MISMATCH',
        `${order.model}: the files here have the fingerprint ${model.fingerprint.slice(0, 12)}, the entry node has ${order.fingerprint.slice(0, 12)}`,
      )
    const { kind, threads, prefillChunk, host, key } = this.#options
    const { slots } = order
    const input: InferenceInput = {
      spec: {
        model: model.directory,
        layers: order.layers,
        context: order.context,
        slots,
        threads,
        kind,
        prefillChunk,
      },
      host,
      ...(key !== undefined && { key }),
    }
    const id = this.#childId(order.placement)
    // Who ordered the shard may give up while it loads; then the load is given up too.
    const giveUp = () => void this.#supervisor.remove(id).catch(() => undefined)
    refuseAborted(signal, `the load of ${order.model}`)
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      return await this.#supervisor.start({ id, resource: inference, input })
    } catch (error) {
      refuseAborted(signal, `the load of ${order.model}`)
      throw error
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  /**
   * The engine may have died or hung a moment ago, and nobody has noticed yet: asking it makes sure. One that does
   * not answer is reported as lost, so that its supervisor restarts it now and not after some failed probes.
   */
  async #answer(
    ref: ResourceRef<InferenceClient, InferenceMessage>,
    signal?: AbortSignal,
  ): Promise<HeldShard> {
    for (let tries = 0; ; tries += 1) {
      const client = await ref.ready({ timeout: READY_TIMEOUT_MS, ...(signal && { signal }) })
      try {
        await client.checkHealth()
        const { endpoint, pid: enginePid, shard } = client
        return { endpoint, enginePid, ...(shard.stepMs !== undefined && { stepMs: shard.stepMs }) }
      } catch (error) {
        if (tries >= 3) throw error
        if (ref.client === client) ref.fail(error)
      }
    }
  }

  async #drop(held: Held): Promise<void> {
    this.#held.delete(held.order.placement)
    await this.#supervisor.remove(held.childId)
  }

  #inTurn<Value>(placement: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.#queue.get(placement) ?? Promise.resolve()
    const turn = before.then(work, work)
    const settled = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#queue.set(placement, settled)
    detach(
      settled.then(() => {
        if (this.#queue.get(placement) === settled) this.#queue.delete(placement)
      }),
    )
    return turn
  }
}

function sameShard(a: ShardOrder, b: ShardOrder): boolean {
  return (
    a.model === b.model &&
    a.fingerprint === b.fingerprint &&
    a.context === b.context &&
    a.slots === b.slots &&
    a.layers[0] === b.layers[0] &&
    a.layers[1] === b.layers[1]
  )
}
