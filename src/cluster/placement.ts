import { type Context, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api'
import type { Background, BackgroundSpawnOptions } from '../concurrency/background.ts'
import { realClock } from '../concurrency/clock.ts'
import { detach } from '../concurrency/detach.ts'
import { CancelScope } from '../concurrency/scope.ts'
import type { Task } from '../concurrency/task.ts'
import { waitFor } from '../concurrency/wait-for.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { builtinModel } from '../models/resolve.ts'
import { dialTensors } from '../network/tensor-dial.ts'
import type { TensorLink } from '../network/tensor-link.ts'
import { EPOCH } from '../observe/tracing/attributes.ts'
import { inSpan } from '../observe/tracing/spans.ts'
import { noTracing } from '../observe/tracing/tracing.ts'
import type { ResourceLog } from '../resources/types.ts'
import type { StageDescription } from './generation.ts'
import { HostFailure, judge, onHost } from './host-failure.ts'
import { planPlacement } from './plan.ts'
import { loadShards, releaseShards } from './shard-loads.ts'
import { StageChain } from './stage-chain.ts'
import type { HeldShard, ShardOrder, StageHost } from './stage-host.ts'

/** A placement that serves: its stages, and the chain that leads to the first of them. */
export interface ActivePlacement {
  readonly epoch: number
  readonly stages: readonly StageDescription[]
  readonly chain: StageChain
  /** Milliseconds that each stage is expected to take for a token; undefined where nobody has measured it. */
  readonly expectedMs?: readonly (number | undefined)[]
}

/** What a placement needs from its node. */
export interface PlacementOptions {
  /** Name of the placement; see {@link StageHost}. */
  readonly name: string
  readonly model: Model
  readonly context: number
  /** Sequences at a time. */
  readonly slots: number
  readonly key?: string
  /** The node that holds the session: it always has the first stage. */
  readonly entry: StageHost
  /** The other nodes at hand, at this moment. */
  readonly peers: () => readonly StageHost[]
  readonly log: ResourceLog
  /** Where its spans begin. Default: none are made. */
  readonly tracer?: Tracer
  /** Runs all that it does: placing, placing anew, and releasing shards that are no longer used. */
  readonly background: Background
  /** Connects to the first stage. Default: {@link dialTensors} with the key. */
  readonly dial?: (endpoint: string, signal: AbortSignal) => Promise<TensorLink>
  /** Whether a placement that breaks is made anew at once, and not only when it is asked for. Default: false. */
  readonly keep?: boolean
  /** Milliseconds, monotonic. Default: the clock of the machine. */
  readonly now?: () => number
  /** How often an epoch may fail before {@link Placement.acquire} gives up. Default 8. */
  readonly attempts?: number
}

/**
 * Keeps one model placed over the nodes at hand. Each try is a new epoch: plan, load the shards side by side,
 * link them from the last to the first, connect to the first. A peer that fails is left out of the next try.
 */
export class Placement {
  readonly #options: PlacementOptions & { readonly tracer: Tracer }
  /** Cancelled when it is closed, and with it all that places. */
  readonly #scope: CancelScope
  #epoch = 0
  #active: { readonly placement: ActivePlacement; readonly offered: string } | undefined
  #restoring = false
  /** Until when a node that failed is left out. */
  readonly #excluded = new Map<string, number>()
  /** The nodes that were asked to hold a shard, also by tries that failed. */
  readonly #holders = new Map<string, StageHost>()
  #establishing: Promise<ActivePlacement> | undefined

  constructor(options: PlacementOptions) {
    this.#options = { tracer: noTracing.tracer, ...options }
    this.#scope = new CancelScope({ name: `the placement ${options.name}` })
  }

  /** The placement that serves now, if one does. */
  get active(): ActivePlacement | undefined {
    return this.#active && !this.#active.placement.chain.broken ? this.#active.placement : undefined
  }

  /**
   * A placement that works: the present one, or a new epoch if it is broken, or if it is idle and the nodes
   * at hand have changed. Callers who ask at the same time share one.
   *
   * @param trace the trace of the caller: what is done for the first one who asks belongs to it
   * @throws EXO_NO_PLACEMENT when no try succeeds, with the last failure as its cause; EXO_ABORTED
   */
  acquire(signal?: AbortSignal, trace?: Context): Promise<ActivePlacement> {
    const usable = this.#usable()
    if (usable) return Promise.resolve(usable)
    const shared = this.#share(trace)
    return signal ? waitFor(shared, realClock, `the placement ${this.#options.name}`, { signal }) : shared
  }

  /** Gives all shards up; a node that does not answer within five seconds is left to notice by itself. */
  async close(): Promise<void> {
    this.#scope.cancel('it was closed')
    await this.#establishing?.catch(() => undefined)
    this.#leaveChain()
    const releasing = this.#release([])
    if (!releasing) return
    const limit = { timeout: RELEASE_TIMEOUT_MS }
    await waitFor(releasing.result, realClock, 'the release of shards', limit).catch(() => undefined)
  }

  /** The present placement, unless it is idle and could be a better one. */
  #usable(): ActivePlacement | undefined {
    const { active } = this
    const idle = active?.chain.active === 0
    return active && !(idle && this.#offered() !== this.#active?.offered) ? active : undefined
  }

  /** The one task that places, for all who wait for it: they hear of its failure. */
  #share(trace: Context = ROOT_CONTEXT, begunBy?: CancelScope): Promise<ActivePlacement> {
    this.#establishing ??= this.#spawn('place', scope => this.#establish(scope, trace), {
      begunBy,
      awaited: true,
    }).result.finally(() => {
      this.#establishing = undefined
      this.#restoreIfKept()
    })
    return this.#establishing
  }

  /** Begins a task that does not outlast the placement. */
  #spawn<T>(
    name: string,
    work: (scope: CancelScope) => Promise<T>,
    options?: BackgroundSpawnOptions,
  ): Task<T> {
    const task = this.#options.background.spawn(name, work, options)
    const forget = this.#scope.onCancel(() => task.cancel(this.#scope.reason))
    detach(task.result.then(forget, forget))
    return task
  }

  #now(): number {
    return this.#options.now?.() ?? realClock.now()
  }

  /** The peers that are READY and have not failed of late. */
  #peers(): readonly StageHost[] {
    const now = this.#now()
    for (const [id, until] of this.#excluded) if (until <= now) this.#excluded.delete(id)
    return this.#options.peers().filter(({ id }) => !this.#excluded.has(id))
  }

  #offered(): string {
    const ids = this.#peers().map(({ id }) => id)
    return ids.sort().join(' ')
  }

  async #establish(scope: CancelScope, parent: Context): Promise<ActivePlacement> {
    const { attempts = 8, name, log, entry, model, tracer } = this.#options
    let cause: unknown
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      scope.checkpoint()
      this.#epoch += 1
      const epoch = this.#epoch
      try {
        const span = { parent, attributes: { [EPOCH]: epoch } }
        return await inSpan(tracer, `place ${model.name}`, span, trace =>
          this.#try(epoch, this.#peers(), scope, trace),
        )
      } catch (error) {
        scope.checkpoint()
        cause = error instanceof HostFailure ? error.cause : error
        log.warn({ placement: name, epoch, attempt, error: cause }, 'a placement failed')
        const verdict = judge(error, entry)
        if (verdict === 'hopeless') throw cause
        if (verdict === 'exclude' && error instanceof HostFailure) this.#exclude(error.host, cause)
        else await scope.sleep(Math.min(1_000, 25 * 2 ** attempt))
      }
    }
    throw new ExovisorError(
      'EXO_NO_PLACEMENT',
      `the model ${model.name} could not be placed in ${attempts} tries`,
      {
        cause,
      },
    )
  }

  /** A fault that comes again whenever it is tried keeps a node out for longer than one that may have passed. */
  #exclude({ id, name }: StageHost, cause: unknown): void {
    const ms = isExovisorError(cause) && !cause.retryable ? LONG_EXCLUSION_MS : EXCLUSION_MS
    this.#excluded.set(id, this.#now() + ms)
    this.#options.log.warn({ node: name, ms, error: cause }, 'a node is left out for a while')
  }

  /** Makes the placement anew until it stands, or somebody else has done so. */
  async #restore(scope: CancelScope): Promise<void> {
    for (let pause = FIRST_RESTORE_PAUSE_MS; !this.active; pause = Math.min(30_000, 2 * pause)) {
      await scope.sleep(pause)
      try {
        if (!this.#usable()) await this.#share(ROOT_CONTEXT, scope)
      } catch (error) {
        this.#options.log.debug(
          { placement: this.#options.name, error },
          'the placement could not be restored yet',
        )
      }
    }
  }

  async #try(
    epoch: number,
    peers: readonly StageHost[],
    scope: CancelScope,
    trace: Context,
  ): Promise<ActivePlacement> {
    const { model, entry, log, name, tracer } = this.#options
    const offered = this.#offered()
    const plan = planPlacement({ epoch, layers: model.config.layers, entry, others: peers })
    const hosts = new Map([entry, ...peers].map(host => [host.id, host]))
    const stages = plan.stages.map(stage => ({ ...stage, host: hosts.get(stage.node) ?? entry }))
    const used = stages.map(({ host }) => host)
    this.#leaveChain()
    // A node that hangs takes its time to answer; the answer that is to go on has none to lose.
    this.#release(used, scope)
    for (const host of used) this.#holders.set(host.id, host)
    const held = await loadShards(stages, this.#order(epoch), scope, { tracer, parent: trace })
    await inSpan(tracer, 'link', { parent: trace }, () => this.#link(epoch, stages, held, scope))
    const first = held[0]
    if (!first) throw new ExovisorError('EXO_INTERNAL', 'a plan without stages')
    const link = await onHost(entry, this.#dial(first.endpoint, scope))
    const description = stages.map(
      ({ host, layers }, index): StageDescription => ({
        node: host.name,
        pid: host.pid,
        enginePid: held[index]?.enginePid ?? 0,
        layers,
        ...(host === entry && { entry: true }),
      }),
    )
    const placement = {
      epoch,
      stages: description,
      expectedMs: held.map(({ stepMs }) => stepMs),
      chain: new StageChain(link, epoch, () => this.#broke(epoch)),
    }
    this.#active = { placement, offered }
    log.info({ placement: name, epoch, stages: description }, 'placed')
    return placement
  }

  #broke(epoch: number): void {
    if (this.#active?.placement.epoch === epoch) this.#restoreIfKept()
  }

  #restoreIfKept(): void {
    if (!this.#options.keep || this.active || this.#restoring || this.#scope.isCancelled) return
    this.#restoring = true
    this.#spawn('place anew', scope =>
      this.#restore(scope).finally(() => {
        this.#restoring = false
      }),
    )
  }

  #dial(endpoint: string, { signal }: CancelScope): Promise<TensorLink> {
    const { dial, key } = this.#options
    return dial
      ? dial(endpoint, signal)
      : dialTensors({ endpoint, signal, ...(key !== undefined && { key }) })
  }

  #order(epoch: number): Omit<ShardOrder, 'layers'> {
    const { name, model, context, slots, entry } = this.#options
    return {
      placement: name,
      owner: entry.id,
      epoch,
      model: model.name === builtinModel ? builtinModel : model.directory,
      fingerprint: model.fingerprint,
      context,
      slots,
    }
  }

  /** From the last stage to the first, so that each finds the one below ready for its epoch. */
  async #link(
    epoch: number,
    stages: readonly { host: StageHost }[],
    held: readonly HeldShard[],
    { signal }: CancelScope,
  ): Promise<void> {
    for (let index = stages.length - 1; index >= 0; index -= 1) {
      const host = stages[index]?.host
      const next = held[index + 1]?.endpoint
      if (host)
        await onHost(
          host,
          host.link(
            { placement: this.#options.name, epoch, ...(next !== undefined && { next }) },
            { signal },
          ),
        )
    }
  }

  /** Gives the chain up; what runs on it fails. */
  #leaveChain(): void {
    const active = this.#active
    this.#active = undefined
    active?.placement.chain.close()
  }

  /** Has the nodes that are no longer used give their shards up. */
  #release(used: readonly StageHost[], begunBy?: CancelScope): Task<void> | undefined {
    const ids = new Set(used.map(({ id }) => id))
    const gone = [...this.#holders.values()].filter(({ id }) => !ids.has(id))
    if (gone.length === 0) return undefined
    for (const { id } of gone) this.#holders.delete(id)
    const { name, log, background } = this.#options
    const order = { placement: name, epoch: this.#epoch }
    const work = (scope: CancelScope): Promise<void> => releaseShards(gone, order, log, scope)
    return background.spawn('release shards', work, { begunBy })
  }
}

const RELEASE_TIMEOUT_MS = 5_000
/** A generation that was running asks for the new placement itself; this is for a node that is idle. */
const FIRST_RESTORE_PAUSE_MS = 100
const EXCLUSION_MS = 30_000
const LONG_EXCLUSION_MS = 600_000
