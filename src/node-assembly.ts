import { randomInt, randomUUID } from 'node:crypto'
import { totalmem } from 'node:os'
import { Admission } from './cluster/admission.ts'
import { localHost, peerHost } from './cluster/hosts.ts'
import { ModelService } from './cluster/model-service.ts'
import { nodeHandlers } from './cluster/node-handlers.ts'
import { PeerGroup } from './cluster/peer-group.ts'
import { Placement } from './cluster/placement.ts'
import { ShardHost } from './cluster/shard-host.ts'
import { realClock } from './concurrency/clock.ts'
import { refuseAborted } from './concurrency/refuse-aborted.ts'
import { waitFor } from './concurrency/wait-for.ts'
import type { Config } from './config/schema.ts'
import type { ConsoleClient } from './console/console-server.ts'
import type { DiscoveryClient } from './discovery/discovery.ts'
import { manualDiscovery } from './discovery/manual.ts'
import { type DiscoverySource, mergeDiscovery } from './discovery/merge.ts'
import { udpDiscovery } from './discovery/udp.ts'
import { MAX_WAITING } from './engine/compute-protocol.ts'
import { ExovisorError } from './errors.ts'
import { loadModel } from './models/load.ts'
import type { Model } from './models/model.ts'
import { loadTokenizer, type ModelTokenizer } from './models/tokenizer.ts'
import { type Identity, loadIdentity } from './network/identity.ts'
import { IncarnationLedger } from './network/incarnation-ledger.ts'
import { type NodeDescription, nodeServer, PROTOCOL_VERSION } from './network/node-server.ts'
import { type PeerClient, type PeerMessage, peer } from './network/peer.ts'
import { nodeBackend } from './node-backend.ts'
import { nodeView, startConsole } from './node-console.ts'
import { startControl } from './node-control.ts'
import { startInspector } from './node-inspector.ts'
import { startMonitor } from './node-monitor.ts'
import { defaultNodeName, type SpawnNodeOptions } from './node-options.ts'
import { type NodeRoot, rootSupervisor } from './node-root.ts'
import type { Journal } from './observe/journal.ts'
import type { ResourceLog, ResourceRef, WaitOptions } from './resources/types.ts'
import { apiServer } from './serving/api-server.ts'
import type { GenerationBackend } from './serving/backend.ts'
import { supervisorResource } from './supervision/supervisor-resource.ts'
import type { SupervisionRecord, Supervisor } from './supervision/types.ts'
import { version } from './version.ts'

/** What {@link assembleNode} puts together. */
export interface NodeParts {
  readonly id: string
  readonly name: string
  readonly api: string | undefined
  readonly grpc: string
  readonly console: ResourceRef<ConsoleClient> | undefined
  readonly inspector: string | undefined
  readonly model: Model
  readonly context: number
  readonly root: Supervisor
  readonly peers: PeerGroup<PeerClient, PeerMessage>
  readonly placement: Placement
  readonly service: ModelService
  readonly journal: Journal<SupervisionRecord>
  readonly log: ResourceLog
  /** Settles when the model is placed for the first time; at once for a node that places on demand. */
  readonly placed: Promise<unknown>
  /** Ends the background tasks of what is no resource. @throws EXO_TASK_LEAKED */
  readonly endTasks: (limit: number) => Promise<void>
  /** Resolves when so many peers are READY. */
  readonly connected: (peers: number, options?: WaitOptions) => Promise<void>
  readonly admission: Admission
  /** Stops what the supervisors do not own, and sends the last spans. */
  readonly dispose: () => Promise<void>
}

/** Puts a node together, part by part; what has started is stopped again when a later part fails. */
export async function assembleNode(config: Config, options: SpawnNodeOptions): Promise<NodeParts> {
  refuseAborted(options.signal, 'the start of a node')
  const model = await loadModel(config.model)
  const tokenizer = await loadTokenizer(model.directory)
  const base = await rootSupervisor(config, options)
  const abort = () => void base.root.close()
  options.signal?.addEventListener('abort', abort, { once: true })
  let started: PeerGroup<PeerClient, PeerMessage> | undefined
  try {
    const self = await describeSelf(config)
    const shards = shardHost(config, base.root, self)
    const grpc = await startServer(config, base.root, self, shards)
    const discovery = await startDiscovery(config, base, self, grpc, options.discovery ?? [])
    const { peers, connected } = await startPeers(config, base, self, shards, discovery)
    started = peers
    // A node without an API serves its peers; it places its own model only when somebody asks it in this process.
    const later = options.place === 'on-demand' || !config.api.enabled
    const serving = modelService(config, base, self, { model, tokenizer, shards, peers, keep: !later })
    const { admission, placement, context, service } = serving
    const api = await startApi(config, base, nodeBackend({ model, context, service, placement }))
    await startMonitor(config, base, () => ({
      ...base.metrics.figures(),
      running: admission.running,
      waiting: admission.waiting,
    }))
    const nodeViews = nodeView(base, { self, model, service, admission, placement })
    const console = await startConsole(config, base, nodeViews, service)
    await startControl(config, base, self, { console, seen: nodeViews })
    const inspector = await startInspector(config, base)
    const placed = later ? Promise.resolve() : placement.acquire()
    placed.catch(() => undefined)
    return {
      id: self.nodeId,
      name: self.name,
      api,
      grpc,
      console,
      inspector,
      model,
      context,
      root: base.root,
      peers,
      placement,
      service,
      journal: base.journal,
      log: base.log,
      placed,
      connected,
      admission,
      endTasks: base.endTasks,
      dispose: base.dispose,
    }
  } catch (error) {
    await started?.close()
    await base.root.close()
    await base.endTasks(config.shutdown.close)
    await base.dispose()
    throw options.signal?.aborted
      ? new ExovisorError('EXO_ABORTED', 'the node was stopped while it started', { cause: error })
      : error
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}

/** The model, its placement over this node and its peers, and who is let in to it. */
function modelService(
  { engine, grpc }: Config,
  { root, log, tasks, background, metrics, tracing: { tracer }, onDispose }: NodeRoot,
  self: NodeDescription,
  parts: {
    readonly model: Model
    readonly tokenizer: ModelTokenizer
    readonly shards: ShardHost
    readonly peers: PeerGroup<PeerClient, PeerMessage>
    /** Whether a placement that breaks is made anew at once. */
    readonly keep: boolean
  },
) {
  const { model, tokenizer, shards, peers, keep } = parts
  const context = Math.min(engine.context ?? model.config.contextLength, model.config.contextLength)
  const admission = new Admission({ places: engine.slots, waiting: MAX_WAITING })
  const placement = new Placement({
    name: placementName(self.nodeId, self.incarnation),
    model,
    context,
    slots: engine.slots,
    keep,
    ...(grpc.key !== undefined && { key: grpc.key }),
    entry: localHost({ id: self.nodeId, name: self.name, memory: self.memoryBytes, shards }),
    peers: () => peers.ready().flatMap(ref => peerHost(ref) ?? []),
    log,
    tracer,
    background: background('placement'),
  })
  const service = new ModelService({
    model,
    tokenizer,
    context,
    admission,
    acquire: (signal, trace) => placement.acquire(signal, trace),
    now: () => realClock.now(),
    randomSeed: () => randomInt(2 ** 31 - 1),
    newId: randomUUID,
    metrics,
    tracer,
    log,
    place: { registry: tasks, owner: `${root.name}/inference` },
  })
  onDispose(metrics.watch({ generations: () => admission }))
  return { admission, placement, context, service }
}

/** Epochs count within a placement: one for each life of an entry node, for a new life begins at epoch 1 again. */
const placementName = (nodeId: string, incarnation: number): string => `node:${nodeId}#${incarnation}`

async function describeSelf(config: Config): Promise<NodeDescription> {
  const identity: Identity = await loadIdentity(config.node.state)
  return {
    nodeId: identity.id,
    incarnation: identity.incarnation,
    name: config.node.name ?? defaultNodeName(),
    version,
    protocol: PROTOCOL_VERSION,
    memoryBytes: config.engine.memory ?? totalmem(),
    pid: process.pid,
    namespace: config.node.namespace,
  }
}

/** The resource of our own shard is called `inference`; those that are held for others name their owner. */
function shardHost({ engine, grpc }: Config, root: Supervisor, self: NodeDescription): ShardHost {
  const { kind, threads, prefillChunk } = engine
  const options = {
    kind,
    threads,
    prefillChunk,
    host: grpc.host,
    ...(grpc.key !== undefined && { key: grpc.key }),
  }
  const own = placementName(self.nodeId, self.incarnation)
  return new ShardHost(root, options, name =>
    name === own ? 'inference' : `inference:${name.replace(/^node:/, '')}`,
  )
}

async function startServer(
  { grpc }: Config,
  root: Supervisor,
  self: NodeDescription,
  shards: ShardHost,
): Promise<string> {
  const { host, port, key } = grpc
  const handlers = nodeHandlers(() => self, shards)
  const input = { host, port, handlers, ...(key !== undefined && { key }) }
  const ref = await root.start({ id: 'server', resource: nodeServer, input })
  return (await ref.ready()).endpoint
}

async function startDiscovery(
  { discovery, grpc, node }: Config,
  base: NodeRoot,
  self: NodeDescription,
  endpoint: string,
  others: readonly DiscoveryClient[],
): Promise<DiscoveryClient> {
  const { root } = base
  // A ref and not its client: its restarts are followed.
  const sources: DiscoverySource[] = [...others]
  const { udp, manual } = discovery
  if (udp.enabled) {
    const { nodeId: id, name, incarnation } = self
    const { port, interval, timeout } = udp
    const key = grpc.key === undefined ? {} : { key: grpc.key }
    const input = {
      id,
      name,
      incarnation,
      namespace: node.namespace,
      grpc: endpoint,
      port,
      interval,
      timeout,
      ...key,
    }
    sources.push(await root.start({ id: 'discovery:udp', resource: udpDiscovery, input }))
  }
  if (manual.file !== undefined) {
    const input = { file: manual.file, self: self.nodeId }
    sources.push(await root.start({ id: 'discovery:manual', resource: manualDiscovery, input }))
  }
  const merged = mergeDiscovery(sources)
  base.onDispose(() => merged.close())
  return merged
}

async function startPeers(
  { grpc }: Config,
  { root, log, background }: NodeRoot,
  self: NodeDescription,
  shards: ShardHost,
  discovery: DiscoveryClient,
): Promise<Pick<NodeParts, 'peers' | 'connected'>> {
  const supervisor = await root.start({ id: 'peers', resource: supervisorResource, input: {} })
  const waiting = new Set<() => void>()
  // One for all peers, so that what was seen of a node outlives its resource.
  const ledger = new IncarnationLedger()
  const peers: PeerGroup<PeerClient, PeerMessage> = new PeerGroup<PeerClient, PeerMessage>({
    clock: realClock,
    log,
    path: `${root.name}/peers`,
    background: background('peers'),
    discovery,
    onChange: () => {
      for (const check of [...waiting]) check()
    },
    onLost: id => shards.releaseOwnedBy(id),
    onRestarted: ({ id, incarnation: life }) => shards.releaseOwnedBy(id, placementName(id, life)),
    starter: {
      async start(name, { endpoint, id, incarnation }) {
        const client = await supervisor.ready()
        const key = grpc.key === undefined ? {} : { key: grpc.key }
        return client.start({
          id: name,
          resource: peer,
          input: { endpoint, id, incarnation, self, ledger, ...key },
        })
      },
      stop: async name => (await supervisor.ready()).remove(name),
    },
  })
  return { peers, connected: (count, options) => untilReady(peers, waiting, count, options) }
}

async function untilReady(
  peers: PeerGroup<PeerClient, PeerMessage>,
  waiting: Set<() => void>,
  count: number,
  options: WaitOptions = {},
): Promise<void> {
  let check = () => {}
  const enough = new Promise<void>(resolve => {
    check = () => {
      if (peers.ready().length >= count) resolve()
    }
  })
  waiting.add(check)
  check()
  try {
    await waitFor(enough, realClock, `a connection to ${count} peers`, { timeout: 30_000, ...options })
  } finally {
    waiting.delete(check)
  }
}

async function startApi(
  { api, shutdown }: Config,
  { root, metrics, tracing }: NodeRoot,
  backend: GenerationBackend,
): Promise<string | undefined> {
  if (!api.enabled) return undefined
  const { host, port, keys } = api
  const input = { host, port, keys, backend, metrics, tracing, limits: { drainMs: shutdown.drain } }
  const ref = await root.start({ id: 'api', resource: apiServer, input })
  return (await ref.ready()).url
}
