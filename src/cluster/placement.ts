import type { Background } from '../concurrency/background.ts'
import { realClock } from '../concurrency/clock.ts'
import { CancelScope } from '../concurrency/scope.ts'
import { waitFor } from '../concurrency/wait-for.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { builtinModel } from '../models/resolve.ts'
import { dialTensors } from '../network/tensor-dial.ts'
import type { TensorLink } from '../network/tensor-link.ts'
import type { ResourceLog } from '../resources/types.ts'
import type { StageDescription } from './generation.ts'
import { type PlacementPlan, planPlacement } from './plan.ts'
import { StageChain } from './stage-chain.ts'
import type { HeldShard, StageHost } from './stage-host.ts'

/** A placement that serves: its stages, and the chain that leads to the first of them. */
export interface ActivePlacement {
  readonly epoch: number
  readonly stages: readonly StageDescription[]
  readonly chain: StageChain
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
  /** Runs what nobody waits for: releasing shards that are no longer used, and placing anew. */
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
  readonly #options: PlacementOptions
  /** All work for this placement; cancelled when it is closed. */
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
    this.#options = options
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
   * @throws EXO_NO_PLACEMENT when no try succeeds, with the last failure as its cause; EXO_ABORTED
   */
  acquire(signal?: AbortSignal): Promise<ActivePlacement> {
    const active = this.active
    const idle = active?.chain.active === 0
    if (active && !(idle && this.#offered() !== this.#active?.offered)) return Promise.resolve(active)
    this.#establishing ??= this.#establish().finally(() => {
      this.#establishing = undefined
      this.#restoreIfKept()
    })
    return signal
      ? waitFor(this.#establishing, realClock, `the placement ${this.#options.name}`, { signal })
      : this.#establishing
  }

  /** Gives all shards up; a node that does not answer within five seconds is left to notice by itself. */
  async close(): Promise<void> {
    this.#scope.cancel('it was closed')
    await this.#establishing?.catch(() => undefined)
    const released = this.#retire([])
    await waitFor(released, realClock, 'the release of shards', { timeout: RELEASE_TIMEOUT_MS }).catch(
      () => undefined,
    )
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

  async #establish(): Promise<ActivePlacement> {
    const { attempts = 8, name, log, entry, model } = this.#options
    let cause: unknown
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      this.#scope.checkpoint()
      this.#epoch += 1
      const epoch = this.#epoch
      try {
        return await this.#try(epoch, this.#peers(), this.#offered())
      } catch (error) {
        this.#scope.checkpoint()
        cause = error instanceof HostFailure ? error.cause : error
        log.warn({ placement: name, epoch, attempt, error: cause }, 'a placement failed')
        const verdict = judge(error, entry)
        if (verdict === 'hopeless') throw cause
        if (verdict === 'exclude' && error instanceof HostFailure) this.#exclude(error.host, cause)
        else await this.#scope.sleep(Math.min(1_000, 25 * 2 ** attempt))
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
  async #restore(): Promise<void> {
    for (let pause = FIRST_RESTORE_PAUSE_MS; !this.active; pause = Math.min(30_000, 2 * pause)) {
      await this.#scope.sleep(pause)
      try {
        await this.acquire()
      } catch (error) {
        this.#options.log.debug(
          { placement: this.#options.name, error },
          'the placement could not be restored yet',
        )
      }
    }
  }

  async #try(epoch: number, peers: readonly StageHost[], offered: string): Promise<ActivePlacement> {
    const { model, entry, log, name } = this.#options
    const plan = planPlacement({ epoch, layers: model.config.layers, entry, others: peers })
    const hosts = new Map([entry, ...peers].map(host => [host.id, host]))
    const stages = plan.stages.map(stage => ({ ...stage, host: hosts.get(stage.node) ?? entry }))
    const used = stages.map(({ host }) => host)
    // A node that hangs takes its time to answer; the answer that is to go on has none to lose.
    this.#options.background.spawn('release shards', () => this.#retire(used))
    for (const host of used) this.#holders.set(host.id, host)
    const held = await this.#place(plan, stages)
    await this.#link(epoch, stages, held)
    const first = held[0]
    if (!first) throw new ExovisorError('EXO_INTERNAL', 'a plan without stages')
    const link = await onHost(entry, this.#dial(first.endpoint))
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
    this.#options.background.spawn('place anew', () =>
      this.#restore().finally(() => {
        this.#restoring = false
      }),
    )
  }

  #dial(endpoint: string): Promise<TensorLink> {
    const { dial, key } = this.#options
    const { signal } = this.#scope
    return dial
      ? dial(endpoint, signal)
      : dialTensors({ endpoint, signal, ...(key !== undefined && { key }) })
  }

  #place(
    plan: PlacementPlan,
    stages: readonly { host: StageHost; layers: readonly [number, number] }[],
  ): Promise<HeldShard[]> {
    const { name, model, context, slots, entry } = this.#options
    const { signal } = this.#scope
    return allOrFirstFailure(
      stages.map(({ host, layers }) => {
        const order = {
          placement: name,
          owner: entry.id,
          epoch: plan.epoch,
          model: model.name === builtinModel ? builtinModel : model.directory,
          fingerprint: model.fingerprint,
          layers,
          context,
          slots,
        }
        return onHost(host, host.place(order, { signal }))
      }),
    )
  }

  /** From the last stage to the first, so that each finds the one below ready for its epoch. */
  async #link(
    epoch: number,
    stages: readonly { host: StageHost }[],
    held: readonly HeldShard[],
  ): Promise<void> {
    for (let index = stages.length - 1; index >= 0; index -= 1) {
      const host = stages[index]?.host
      const next = held[index + 1]?.endpoint
      if (host)
        await onHost(
          host,
          host.link(
            { placement: this.#options.name, epoch, ...(next !== undefined && { next }) },
            { signal: this.#scope.signal },
          ),
        )
    }
  }

  /** Closes the chain, and has the nodes that are no longer used give their shards up. */
  async #retire(kept: readonly StageHost[]): Promise<void> {
    const active = this.#active
    this.#active = undefined
    active?.placement.chain.close()
    const ids = new Set(kept.map(({ id }) => id))
    const gone = [...this.#holders.values()].filter(({ id }) => !ids.has(id))
    for (const { id } of gone) this.#holders.delete(id)
    const { name, log } = this.#options
    const epoch = this.#epoch
    const releases = gone.map(host => host.release({ placement: name, epoch }))
    for (const result of await Promise.allSettled(releases))
      if (result.status === 'rejected')
        log.debug({ placement: name, error: result.reason }, 'a shard could not be released')
  }
}

const RELEASE_TIMEOUT_MS = 5_000
/** A generation that was running asks for the new placement itself; this is for a node that is idle. */
const FIRST_RESTORE_PAUSE_MS = 100
const EXCLUSION_MS = 30_000
const LONG_EXCLUSION_MS = 600_000

/** Says at which host a step of a placement failed. */
class HostFailure extends Error {
  readonly host: StageHost

  constructor(host: StageHost, cause: unknown) {
    super(`node ${host.name} failed`, { cause })
    this.host = host
  }
}

/**
 * What a failed try says of the next one. A stage that could not reach the stage below has done nothing wrong:
 * most often that neighbour's engine has just died and its node is about to notice. So only a host that
 * does not answer itself, or that says it never will, is left out.
 */
function judge(error: unknown, entry: StageHost): 'exclude' | 'again' | 'hopeless' {
  if (!(error instanceof HostFailure)) return 'again'
  const { cause, host } = error
  if (!isExovisorError(cause) || cause.code === 'EXO_EPOCH_STALE') return 'again'
  if (host.id === entry.id) return cause.retryable ? 'again' : 'hopeless'
  if (!cause.retryable) return 'exclude'
  return cause.code === 'EXO_STREAM_CLOSED' || cause.code === 'EXO_ENGINE_DIED' ? 'again' : 'exclude'
}

async function onHost<Value>(host: StageHost, step: Promise<Value>): Promise<Value> {
  try {
    return await step
  } catch (error) {
    throw new HostFailure(host, error)
  }
}

/** Waits for all to settle, so that no load goes on behind the back of the next try, then throws the first failure. */
async function allOrFirstFailure<Value>(steps: readonly Promise<Value>[]): Promise<Value[]> {
  const results = await Promise.allSettled(steps)
  return results.map(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
