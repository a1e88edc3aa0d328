import { Placement, type PlacementOptions } from '../../src/cluster/placement.ts'
import type { ShardOrder, StageHost } from '../../src/cluster/stage-host.ts'
import { Background } from '../../src/concurrency/background.ts'
import { realClock } from '../../src/concurrency/clock.ts'
import type { ComputeWorker } from '../../src/engine/compute-worker.ts'
import { Stage } from '../../src/engine/process/stage.ts'
import type { ExovisorError } from '../../src/errors.ts'
import type { Model } from '../../src/models/model.ts'
import type { TensorLink } from '../../src/network/tensor-link.ts'
import { silentLog } from '../../src/resources/log.ts'
import { FakeWorker } from './fake-worker.ts'
import { type MemoryLink, memoryLinks } from './memory-link.ts'

const LAYERS = 6
const model = {
  name: 'builtin',
  directory: '/nowhere',
  config: { layers: LAYERS },
  fingerprint: 'f',
} as unknown as Model

interface Engine {
  readonly stage: Stage
  readonly order: ShardOrder
  readonly links: MemoryLink[]
}

/** A node in this process that holds shards with fake workers. Faults are set from outside. */
class FakeHost implements StageHost {
  readonly id: string
  readonly name: string
  readonly pid = 1
  readonly memory = 1
  readonly orders: ShardOrder[] = []
  readonly released: number[] = []
  engine: Engine | undefined
  /** What the next calls throw, one after the other. */
  readonly faults: ExovisorError[] = []
  /** Throws this at each call from now on. */
  down: ExovisorError | undefined
  readonly #network: FakeNetwork

  constructor(id: string, network: FakeNetwork) {
    this.id = id
    this.name = id
    this.#network = network
  }

  async place(
    order: ShardOrder,
    _options: { readonly signal: AbortSignal },
  ): Promise<{ endpoint: string; enginePid: number }> {
    this.orders.push(order)
    await this.#maybeFail()
    const [first, end] = order.layers
    const shard = {
      layers: order.layers,
      hiddenSize: 2,
      vocabSize: 1_000,
      first: first === 0,
      last: end === LAYERS,
      contextLength: 64,
    }
    if (this.engine?.order.layers.join() !== order.layers.join()) {
      const worker = new FakeWorker(shard) as unknown as ComputeWorker
      const stage = new Stage({ worker, shard, prefillChunk: 4, maxRequests: 8, now: () => 0 })
      this.engine = { order, links: [], stage }
    }
    return { endpoint: this.id, enginePid: 7 }
  }

  async link({ epoch, next }: { readonly epoch: number; readonly next?: string }): Promise<void> {
    await this.#maybeFail()
    this.engine?.stage.link(epoch, next === undefined ? undefined : this.#network.dial(next))
  }

  async release({ epoch }: { readonly epoch: number }): Promise<void> {
    this.released.push(epoch)
    this.engine = undefined
  }

  /** As when the engine process was killed: its links break, and the next order starts a new one. */
  kill(): void {
    const { engine } = this
    this.engine = undefined
    for (const link of engine?.links ?? []) link.cut()
  }

  async #maybeFail(): Promise<void> {
    await new Promise(setImmediate)
    const fault = this.down ?? this.faults.shift()
    if (fault) throw fault
  }
}

/** The hosts by endpoint. */
class FakeNetwork {
  readonly hosts = new Map<string, FakeHost>()

  add(id: string): FakeHost {
    const host = new FakeHost(id, this)
    this.hosts.set(id, host)
    return host
  }

  dial(endpoint: string): TensorLink {
    const engine = this.hosts.get(endpoint)?.engine
    if (!engine) throw new Error(`nobody listens at ${endpoint}`)
    const [above, below] = memoryLinks(endpoint)
    engine.links.push(above)
    engine.stage.attach(below)
    return above
  }
}

export interface FakeCluster {
  readonly network: FakeNetwork
  readonly entry: FakeHost
  /** The peers that are READY at the moment. */
  readonly peers: FakeHost[]
  readonly placement: Placement
}

export function fakeCluster(
  peerIds: readonly string[],
  options: Partial<PlacementOptions> = {},
): FakeCluster {
  const network = new FakeNetwork()
  const entry = network.add('entry')
  const peers = peerIds.map(id => network.add(id))
  const placement = new Placement({
    name: 'entry/builtin',
    model,
    context: 64,
    slots: 8,
    entry,
    peers: () => peers,
    log: silentLog,
    background: new Background({
      owner: 'test/placement',
      clock: realClock,
      onFailure: error => {
        throw error
      },
    }),
    dial: async endpoint => network.dial(endpoint),
    ...options,
  })
  return { network, entry, peers, placement }
}
