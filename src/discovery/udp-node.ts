import type { Clock } from '../concurrency/clock.ts'
import type { Random } from '../concurrency/random.ts'
import type { CancelScope } from '../concurrency/scope.ts'
import { withCancelScope } from '../concurrency/with-scope.ts'
import { ExovisorError } from '../errors.ts'
import type { ResourceLog, ResourceSelf } from '../resources/types.ts'
import {
  type Announcement,
  type AnnouncementScope,
  type Dropped,
  readAnnouncement,
  writeAnnouncement,
} from './announcement.ts'
import type { DiscoveryClient, DiscoveryEvent } from './discovery.ts'
import type { NetworkPath } from './network-paths.ts'
import { PeerFeed } from './peer-feed.ts'
import {
  emptyTable,
  expire,
  forgive,
  hear,
  type Ignored,
  type PeerTableOptions,
  type TableStep,
} from './peer-table.ts'
import { defaultRateLimits, RateLimit, type RateLimits } from './rate-limit.ts'
import type { UdpSockets } from './udp-sockets.ts'

/** What a {@link UdpNode} needs. All times in milliseconds. */
export interface UdpNodeOptions {
  readonly self: Omit<Announcement, 'sequence' | 'leave'>
  readonly scope: AnnouncementScope
  readonly table: PeerTableOptions
  /** Time between two announcements, once the first ten seconds are over. */
  readonly interval: number
  /** Time between two looks at the interfaces. */
  readonly rescan: number
  readonly rateLimits?: RateLimits
  readonly clock: Clock
  readonly random: Random
  readonly log: ResourceLog
  /** Runs what goes on for as long as the node announces itself. */
  readonly spawn: ResourceSelf['spawn']
  readonly sockets: Pick<UdpSockets, 'update' | 'send' | 'close' | 'open'>
  /** The paths that there are now. */
  paths(): readonly NetworkPath[]
  onCount(count: number): void
  /** Told whenever the node can no longer, or can again, be heard anywhere. */
  onReach(reachable: boolean): void
}

/** How many datagrams were read, and why others changed nothing. */
export type UdpCounters = Readonly<Record<'heard' | 'invalid' | 'flood' | Dropped | Ignored, number>>

const EAGER_MS = 10_000
const EAGER_INTERVAL_MS = 1_000
/** How soon a newcomer is answered: spread out, so that not all answer in one moment. */
const ANSWER_MS = 250
/** Announcements are at least so far apart. */
const LEAST_GAP_MS = 100
const JITTER = 0.2

/** Announces a node, and listens to the announcements of others. */
export class UdpNode implements DiscoveryClient {
  readonly #options: UdpNodeOptions
  readonly #feed: PeerFeed
  readonly #rate: RateLimit
  readonly #startedAt: number
  readonly #counters: Record<keyof UdpCounters, number>
  #table = emptyTable
  #sequence: number
  #sentAt = Number.NEGATIVE_INFINITY
  #nextAt = Number.POSITIVE_INFINITY
  #reachable = true
  #closed = false
  /** The pause before the next announcement. */
  #pause: CancelScope | undefined

  constructor(options: UdpNodeOptions) {
    this.#options = options
    this.#feed = new PeerFeed(options.onCount)
    this.#startedAt = options.clock.now()
    this.#rate = new RateLimit(options.rateLimits ?? defaultRateLimits, this.#startedAt)
    this.#counters = { ...noCounts }
    // A restart of this resource within one life of the node must go on above the numbers used before, and
    // less than one announcement goes out each millisecond.
    this.#sequence = Math.floor(this.#startedAt)
  }

  get counters(): UdpCounters {
    return this.#counters
  }

  /** Whether announcements can go out and come in anywhere. */
  get reachable(): boolean {
    return this.#reachable
  }

  peers() {
    return this.#feed.peers()
  }

  subscribe(listener: (event: DiscoveryEvent) => void): () => void {
    return this.#feed.subscribe(listener)
  }

  /** Opens the sockets and announces for the first time. */
  async start(): Promise<void> {
    await this.#rescan()
    await this.#announce()
    const { spawn } = this.#options
    spawn('announce', scope => this.#announceOn(scope))
    spawn('expire', scope => this.#expireOn(scope))
    spawn('rescan', scope => this.#rescanOn(scope))
  }

  /** Takes leave and closes the sockets. Its tasks have been cancelled before. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#send(true)
    this.#options.sockets.close()
  }

  /** Takes a datagram. */
  receive(bytes: Buffer, source: string): void {
    const { clock, scope, log } = this.#options
    if (this.#closed) return
    if (!this.#rate.admit(source, clock.now())) {
      this.#counters.flood += 1
      return
    }
    try {
      const heard = readAnnouncement(bytes, scope)
      if (typeof heard === 'string') this.#count(heard, source)
      else this.#hear(heard, source)
    } catch (error) {
      this.#counters.invalid += 1
      log.debug({ source, error }, 'an announcement cannot be understood')
    }
  }

  #hear(announcement: Announcement, source: string): void {
    const { clock, table } = this.#options
    const step = hear(this.#table, announcement, source, clock.now(), table)
    if (step.ignored) this.#count(step.ignored, source)
    else this.#counters.heard += 1
    if (this.#apply(step)) this.#announceBefore(clock.now() + ANSWER_MS * this.#options.random())
  }

  /** Tells what is new; true when somebody has come. */
  #apply({ table, events }: TableStep): boolean {
    this.#table = table
    for (const event of events) {
      if (event.type === 'lost') this.#feed.remove(event.id, event.reason)
      else this.#feed.put(event.peer)
    }
    return events.some(({ type }) => type !== 'lost')
  }

  #count(reason: Dropped | Ignored, source: string): void {
    this.#counters[reason] += 1
    if (reason === 'newer-version' && this.#counters[reason] === 1)
      this.#options.log.warn({ source }, 'a node of a newer version announces itself; it is not understood')
  }

  async #announceOn(scope: CancelScope): Promise<never> {
    for (;;) {
      await this.#untilDue(scope)
      await this.#announce()
    }
  }

  /** Waits until the next announcement is due; a newcomer may bring that forward meanwhile. */
  async #untilDue(scope: CancelScope): Promise<void> {
    const untilDue = (pause: CancelScope): Promise<never> => {
      this.#pause = pause
      return pause.forever()
    }
    await withCancelScope(untilDue, { scope, deadline: this.#nextAt })
  }

  async #announce(): Promise<void> {
    const { clock, random, interval } = this.#options
    const eager = clock.now() - this.#startedAt < EAGER_MS
    const base = eager ? Math.min(EAGER_INTERVAL_MS, interval) : interval
    this.#nextAt = clock.now() + base * (1 - JITTER + 2 * JITTER * random())
    await this.#send(false)
  }

  #announceBefore(at: number): void {
    if (at >= this.#nextAt) return
    this.#nextAt = Math.max(at, this.#sentAt + LEAST_GAP_MS)
    if (this.#pause) this.#pause.deadline = this.#nextAt
  }

  async #send(leave: boolean): Promise<void> {
    const { self, scope, sockets, clock } = this.#options
    this.#sequence += 1
    this.#sentAt = clock.now()
    await sockets.send(writeAnnouncement({ ...self, sequence: this.#sequence, leave }, scope))
    this.#judge()
  }

  async #expireOn(scope: CancelScope): Promise<never> {
    const { clock, table } = this.#options
    const pause = Math.min(1_000, Math.max(10, table.timeout / 10))
    for (let previous = clock.now(); ; previous = clock.now()) {
      await scope.sleep(pause)
      const now = clock.now()
      const late = now - previous - pause
      // A loop that was stuck has not heard anybody: what others said in the meantime is still to be read.
      if (late > pause) this.#table = forgive(this.#table, late, now)
      this.#apply(expire(this.#table, now, table))
    }
  }

  async #rescanOn(scope: CancelScope): Promise<never> {
    for (;;) {
      await scope.sleep(this.#options.rescan)
      await this.#rescan()
    }
  }

  async #rescan(): Promise<void> {
    const { sockets, paths } = this.#options
    await sockets.update(paths())
    this.#judge()
  }

  #judge(): void {
    const reachable = this.#options.sockets.open.length > 0
    if (this.#closed || reachable === this.#reachable) return
    this.#reachable = reachable
    this.#options.onReach(reachable)
  }

  /** @throws EXO_HEALTH_CHECK_FAILED when no socket is open */
  check(): void {
    if (!this.#reachable)
      throw new ExovisorError(
        'EXO_HEALTH_CHECK_FAILED',
        `UDP discovery: no interface of ${this.#options.paths().length} can be used, expected at least one`,
      )
  }
}

const noCounts: UdpCounters = {
  heard: 0,
  invalid: 0,
  flood: 0,
  'newer-version': 0,
  'foreign-namespace': 0,
  unsigned: 0,
  own: 0,
  'table-full': 0,
  'older-incarnation': 0,
  replayed: 0,
  'unknown-leaves': 0,
}
