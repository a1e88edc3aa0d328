import type { InspectionObserver } from './actors/inspection.ts'
import type { GenerationDone, GenerationEvent, GenerationRequest } from './cluster/generation.ts'
import type { ModelService } from './cluster/model-service.ts'
import { realClock } from './concurrency/clock.ts'
import type { PhaseOptions, PhaseReport } from './concurrency/phases.ts'
import { waitFor } from './concurrency/wait-for.ts'
import type { Config } from './config/schema.ts'
import { ExovisorError } from './errors.ts'
import { assembleNode, type NodeParts } from './node-assembly.ts'
import { nodeConfig, type SpawnNodeOptions } from './node-options.ts'
import { logReload, type NodeReload, reloadNode } from './node-reload.ts'
import { shutDown } from './node-shutdown.ts'
import type { Journal } from './observe/journal.ts'
import type { ResourceRef, WaitOptions } from './resources/types.ts'
import type { ChildSnapshot, SupervisionRecord, SupervisorEnd } from './supervision/types.ts'

export type { SpawnNodeOptions } from './node-options.ts'

/** What a node serves. */
export interface NodeModel {
  /** `builtin`, or the name of the model's directory. */
  readonly name: string
  readonly layers: number
  /** The longest sequence, prompt and answer together, in tokens. */
  readonly contextLength: number
  /** Whether it has a chat template. */
  readonly chat: boolean
}

/** A request to {@link Node.generate}. */
export interface NodeRequest extends GenerationRequest {
  /** Gives a text prompt to the model as it is. Default: false; then a chat model gets it as a question. */
  readonly raw?: boolean
}

/** One token of an answer. */
export type GeneratedToken = Pick<Extract<GenerationEvent, { type: 'token' }>, 'id' | 'position' | 'text'>

/** A running node. */
export interface Node extends AsyncDisposable {
  /** Stable over restarts if the configuration names a directory for it. */
  readonly id: string
  readonly name: string
  /** Address of the HTTP API, e.g. `http://127.0.0.1:52415`; undefined when it is switched off. */
  readonly api: string | undefined
  /** `host:port` of the gRPC server. */
  readonly grpc: string
  /** The address of the console, with its token; undefined when it is switched off, or does not run at the moment. */
  readonly console: string | undefined
  /** The page through which Stately's inspector shows the machines, with its token; undefined when it is switched off. */
  readonly inspector: string | undefined
  readonly model: NodeModel
  /** What the supervisors did, the last thousand events. */
  readonly journal: Journal<SupervisionRecord>
  /**
   * Waits until the model is placed and the API answers. A node that places on demand is ready before.
   * @throws EXO_NO_PLACEMENT, EXO_READY_TIMEOUT, EXO_ABORTED, and what loading the model throws
   */
  ready(options?: WaitOptions): Promise<void>
  /**
   * Waits until so many peers are READY.
   * @throws EXO_READY_TIMEOUT, EXO_ABORTED
   */
  connected(peers: number, options?: WaitOptions): Promise<void>
  /**
   * The stable handle of a resource: `inference`, `server`, `api`, `peers`, `discovery:udp`, `discovery:manual`.
   * @throws EXO_CHILD_UNKNOWN
   */
  ref(name: string): ResourceRef<unknown, unknown>
  /** All that can be seen of the node's resources. */
  children(): readonly ChildSnapshot[]
  /**
   * Answers a prompt, token by token; the generator returns the whole result. Leaving the loop stops the work.
   * @throws what {@link ModelService.generate} throws
   */
  generate(request: NodeRequest): AsyncGenerator<GeneratedToken, GenerationDone, undefined>
  /** Like {@link Node.generate}, with the placements and fail-overs between the tokens, and a text prompt as it is. */
  events(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, undefined>
  /** Attaches an inspection observer to the XState system of the whole tree. The result detaches it. */
  inspect(observer: InspectionObserver): () => void
  /**
   * Reads the configuration again, from where it came. Policies of supervision hold from the next decision on; all else waits for a
   * restart of the node, and is named.
   * @throws EXO_CONFIG_INVALID, EXO_CONFIG_UNREADABLE, EXO_RESOURCE_CLOSED; then nothing has changed
   */
  reload(): NodeReload
  /**
   * Stops everything in order, phase by phase, each with its deadline of the configuration: running answers get the drain time first.
   * Never rejects for what a phase could not do; the reports say it.
   */
  close(options?: Pick<PhaseOptions, 'onPhase'>): Promise<readonly PhaseReport[]>
  /** Resolves when the node has ended, after `close()` or because its supervisor gave up. */
  readonly closed: Promise<SupervisorEnd>
}

/**
 * Starts a node: the supervisor, the gRPC server, discovery, the engine and the HTTP API, as the configuration says.
 *
 * @throws EXO_CONFIG_INVALID, EXO_CONFIG_UNREADABLE, EXO_MODEL_NOT_FOUND and other faults of the model,
 *   EXO_PORT_IN_USE, EXO_PUBLIC_BIND_REFUSED, EXO_ABORTED; nothing is left running then
 * @example
 * await using node = await spawnNode({ config: 'exovisor.yaml' })
 * await node.ready()
 * for await (const token of node.generate({ prompt: 'What is a supervisor?' })) process.stdout.write(token.text)
 */
export async function spawnNode(options: SpawnNodeOptions = {}): Promise<Node> {
  const config = nodeConfig(options)
  return new RunningNode(await assembleNode(config, options), config, options)
}

class RunningNode implements Node {
  readonly #parts: NodeParts
  readonly #options: SpawnNodeOptions
  #config: Config
  #closing: Promise<readonly PhaseReport[]> | undefined

  constructor(parts: NodeParts, config: Config, options: SpawnNodeOptions) {
    this.#parts = parts
    this.#config = config
    this.#options = options
  }

  get id(): string {
    return this.#parts.id
  }

  get name(): string {
    return this.#parts.name
  }

  get api(): string | undefined {
    return this.#parts.api
  }

  get grpc(): string {
    return this.#parts.grpc
  }

  get console(): string | undefined {
    return this.#parts.console?.client?.url
  }

  get inspector(): string | undefined {
    return this.#parts.inspector
  }

  get model(): NodeModel {
    const { model, context, service } = this.#parts
    return { name: model.name, layers: model.config.layers, contextLength: context, chat: service.chat }
  }

  get journal(): Journal<SupervisionRecord> {
    return this.#parts.journal
  }

  get closed(): Promise<SupervisorEnd> {
    return this.#parts.root.closed
  }

  async ready(options?: WaitOptions): Promise<void> {
    const { root, placed } = this.#parts
    await root.ready(options)
    await waitFor(placed, realClock, `the placement of ${this.model.name}`, options)
  }

  connected(peers: number, options?: WaitOptions): Promise<void> {
    return this.#parts.connected(peers, options)
  }

  ref(name: string): ResourceRef<unknown, unknown> {
    return this.#parts.root.ref(name)
  }

  children(): readonly ChildSnapshot[] {
    return this.#parts.root.children()
  }

  async *generate(request: NodeRequest): AsyncGenerator<GeneratedToken, GenerationDone, undefined> {
    const { raw = false, prompt, ...rest } = request
    const asChat = !raw && typeof prompt === 'string' && this.#parts.service.chat
    const asked = asChat ? { messages: [{ role: 'user', content: prompt }] } : prompt
    for await (const event of this.events({ ...rest, prompt: asked })) {
      if (event.type === 'token') yield { id: event.id, position: event.position, text: event.text }
      if (event.type === 'done') return event
    }
    throw new ExovisorError('EXO_INTERNAL', 'a generation ended without its result')
  }

  events(request: GenerationRequest): AsyncGenerator<GenerationEvent, void, undefined> {
    return this.#parts.service.generate(request)
  }

  inspect(observer: InspectionObserver): () => void {
    return this.#parts.root.inspect(observer)
  }

  reload(): NodeReload {
    const { config, reload } = reloadNode(this.#parts.root, this.#config, nodeConfig(this.#options))
    this.#config = config
    logReload(this.#parts.log, reload)
    return reload
  }

  close({ onPhase }: Pick<PhaseOptions, 'onPhase'> = {}): Promise<readonly PhaseReport[]> {
    this.#closing ??= shutDown(this.#parts, this.#config.shutdown, onPhase)
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
