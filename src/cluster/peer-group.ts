import type { Background } from '../concurrency/background.ts'
import { isCancellation } from '../concurrency/cancellation.ts'
import type { Clock, TimerHandle } from '../concurrency/clock.ts'
import type { DiscoveredPeer, DiscoveryClient, DiscoveryEvent } from '../discovery/discovery.ts'
import { isExovisorError, toErrorRecord } from '../errors.ts'
import { aboutResource } from '../resources/log.ts'
import type { ResourceLog, ResourceRef } from '../resources/types.ts'

/** How a peer group starts and stops the resources of its peers. */
interface PeerStarter<Client, Message> {
  /** Starts the resource of a peer under the given name, and waits until it is READY. */
  start(name: string, peer: DiscoveredPeer): Promise<ResourceRef<Client, Message>>
  stop(name: string): Promise<void>
}

/** What a peer group needs. */
export interface PeerGroupOptions<Client, Message> {
  readonly starter: PeerStarter<Client, Message>
  /** The path of the supervisor that they are started under, for log lines. */
  readonly path: string
  readonly discovery: Pick<DiscoveryClient, 'subscribe'>
  readonly clock: Clock
  readonly log: ResourceLog
  /** Runs what follows from the news of discovery. */
  readonly background: Background
  /** Called whenever a peer becomes READY or leaves it. */
  readonly onChange?: () => void
  /** Called when discovery has lost a peer, before it is stopped. */
  readonly onLost?: (id: string) => Promise<void>
  /** Called when discovery knows of a new life of a peer. */
  readonly onRestarted?: (peer: DiscoveredPeer) => Promise<void>
}

interface Member<Client, Message> {
  peer: DiscoveredPeer
  readonly name: string
  ref: ResourceRef<Client, Message> | undefined
  leave: () => void
  timer: TimerHandle | undefined
  failures: number
  /** What is done for this member, one after the other. */
  work: Promise<void>
  wanted: boolean
}

/**
 * How long a peer may be out of READY before its supervisor's quick restarts end and it is only tried now and
 * then: a machine that is off for the night must not exhaust anybody's restart intensity.
 */
const PATIENCE_MS = 60_000
/** The time between two tries to reach a peer that does not answer: the first, and the longest. */
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

/** Turns what discovery finds into supervised peer resources: one for each node, under one name. */
export class PeerGroup<Client, Message> {
  readonly #options: PeerGroupOptions<Client, Message>
  readonly #members = new Map<string, Member<Client, Message>>()
  readonly #unsubscribe: () => void

  constructor(options: PeerGroupOptions<Client, Message>) {
    this.#options = options
    this.#unsubscribe = options.discovery.subscribe(event => this.#hear(event))
  }

  /** The peers that are READY. */
  ready(): readonly ResourceRef<Client, Message>[] {
    return [...this.#members.values()].flatMap(({ ref }) => (ref?.state === 'READY' ? [ref] : []))
  }

  /** Stops every peer. */
  async close(): Promise<void> {
    this.#unsubscribe()
    await Promise.all([...this.#members.keys()].map(id => this.#drop(id)))
  }

  #hear(event: DiscoveryEvent): void {
    if (event.type === 'lost')
      this.#options.background.spawn('give up what a lost peer held', () => this.#lost(event.id))
    else this.#want(event.peer)
  }

  async #lost(id: string): Promise<void> {
    const { onLost, log } = this.#options
    try {
      await Promise.all([onLost?.(id), this.#drop(id)])
    } catch (error) {
      log.warn(
        { peer: id, error: toErrorRecord(error) },
        'what was held for a lost peer could not be given up',
      )
    }
  }

  #want(peer: DiscoveredPeer): void {
    const known = this.#members.get(peer.id)
    if (!known) {
      const taken = [...this.#members.values()].some(member => member.name === `peer:${peer.name}`)
      const name = taken ? `peer:${peer.name}-${peer.id.slice(0, 6)}` : `peer:${peer.name}`
      const member = {
        peer,
        name,
        ref: undefined,
        leave: () => {},
        timer: undefined,
        failures: 0,
        work: Promise.resolve(),
        wanted: true,
      }
      this.#members.set(peer.id, member)
      this.#then(member, () => this.#connect(member))
    } else if (known.peer.endpoint !== peer.endpoint || known.peer.incarnation !== peer.incarnation) {
      if (known.peer.incarnation < peer.incarnation)
        this.#options.background.spawn('give up what an earlier life held', () => this.#restarted(peer))
      known.peer = peer
      known.failures = 0
      this.#then(known, async () => {
        await this.#stop(known)
        await this.#connect(known)
      })
    }
  }

  async #restarted(peer: DiscoveredPeer): Promise<void> {
    try {
      await this.#options.onRestarted?.(peer)
    } catch (error) {
      this.#options.log.warn(
        { peer: peer.name, error: toErrorRecord(error) },
        'what was held for the earlier life of a peer could not be given up',
      )
    }
  }

  async #drop(id: string): Promise<void> {
    const member = this.#members.get(id)
    if (!member) return
    this.#members.delete(id)
    member.wanted = false
    // A start that waits for a machine which says nothing must not hold the end up.
    if (!member.ref) void this.#options.starter.stop(member.name).catch(() => undefined)
    this.#then(member, () => this.#stop(member))
    await member.work
  }

  #then(member: Member<Client, Message>, step: () => Promise<void>): void {
    this.#disarm(member)
    member.work = member.work.then(step).catch((error: unknown) => {
      // The node ends: nobody wants the peer any more.
      if (isCancellation(error)) return
      this.#logOf(member).warn({ error: toErrorRecord(error) }, 'a peer could not be changed')
    })
  }

  /** For lines about the resource of a peer, also one that could not start yet. */
  #logOf({ name, ref }: Member<Client, Message>): ResourceLog {
    return aboutResource(this.#options, { kind: 'peer', name, incarnation: ref?.incarnation ?? 1 })
  }

  /** As a task that is seen: a machine that says nothing keeps it waiting. */
  #connect(member: Member<Client, Message>): Promise<void> {
    return this.#options.background.spawn(`connect to ${member.peer.name}`, () => this.#start(member)).result
  }

  async #start(member: Member<Client, Message>): Promise<void> {
    if (!member.wanted || member.ref) return
    const { starter } = this.#options
    try {
      const ref = await starter.start(member.name, member.peer)
      member.ref = ref
      member.failures = 0
      member.leave = ref.subscribe(({ state }) => this.#changed(member, state === 'READY'))
      this.#changed(member, ref.state === 'READY')
    } catch (error) {
      this.#logOf(member).info(
        { endpoint: member.peer.endpoint, error: toErrorRecord(error) },
        'a peer does not answer yet',
      )
      this.#tryLater(member)
    }
  }

  async #stop(member: Member<Client, Message>): Promise<void> {
    if (!member.ref) return
    member.leave()
    member.ref = undefined
    try {
      await this.#options.starter.stop(member.name)
    } catch (error) {
      // Its supervisor was restarted, and has forgotten it.
      if (!isExovisorError(error, 'EXO_CHILD_UNKNOWN')) throw error
    }
    this.#options.onChange?.()
  }

  #changed(member: Member<Client, Message>, ready: boolean): void {
    if (ready) this.#disarm(member)
    else if (member.timer === undefined)
      this.#arm(member, PATIENCE_MS, async () => {
        await this.#stop(member)
        this.#tryLater(member)
      })
    this.#options.onChange?.()
  }

  #tryLater(member: Member<Client, Message>): void {
    if (!member.wanted) return
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** member.failures)
    member.failures += 1
    this.#arm(member, pause, () => this.#connect(member))
  }

  #arm(member: Member<Client, Message>, ms: number, step: () => Promise<void>): void {
    member.timer = this.#options.clock.setTimeout(() => this.#then(member, step), ms)
  }

  #disarm(member: Member<Client, Message>): void {
    if (member.timer !== undefined) this.#options.clock.clearTimeout(member.timer)
    member.timer = undefined
  }
}
