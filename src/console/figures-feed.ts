import type { Clock } from '../concurrency/clock.ts'
import { type CancelTimer, schedule } from '../concurrency/timer.ts'
import { type EventLoopWatch, watchEventLoop } from '../observe/event-loop.ts'
import type { FiguresSample } from '../observe/view/messages.ts'

/** What is asked for each sample. */
interface FigureSources {
  /** Tokens and restarts since the node began, and the time to the first token. */
  readonly counted: () => {
    readonly tokens: number
    readonly restarts: number
    readonly timeToFirstToken: number | undefined
  }
  readonly generations: () => { readonly running: number; readonly waiting: number }
  /** Resident bytes of the processes of resources, by path. */
  readonly processes: () => ReadonlyMap<string, number>
}

/** What a feed of figures takes from the world. */
export interface FiguresFeedOptions {
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly sources: FigureSources
  /** Default: the watch of the event loop of this thread. */
  readonly eventLoop?: () => EventLoopWatch
}

const INTERVAL_MS = 1_000
const MOST_KEPT = 600

type SamplesListener = (samples: readonly FiguresSample[]) => void

/** Samples the figures of a node once a second, while somebody looks at them; the last ten minutes of that are kept for who comes later. */
export class FiguresFeed {
  readonly #options: FiguresFeedOptions
  readonly #listeners = new Set<SamplesListener>()
  #samples: FiguresSample[] = []
  #cancel: CancelTimer | undefined
  #eventLoop: EventLoopWatch | undefined
  #before = { at: 0, tokens: 0 }

  constructor(options: FiguresFeedOptions) {
    this.#options = options
  }

  /** Tells of the samples that are kept, and of each new one. The result ends it. */
  subscribe(listener: SamplesListener): () => void {
    const own: SamplesListener = samples => listener(samples)
    if (this.#listeners.size === 0) this.#begin()
    this.#listeners.add(own)
    if (this.#samples.length > 0) own(this.#samples)
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.#end()
    }
  }

  #begin(): void {
    const { clock, sources, eventLoop = watchEventLoop } = this.#options
    this.#eventLoop = eventLoop()
    this.#before = { at: clock.now(), tokens: sources.counted().tokens }
    this.#arm()
  }

  #end(): void {
    this.#cancel?.()
    this.#eventLoop?.stop()
    this.#eventLoop = undefined
  }

  #arm(): void {
    this.#cancel = schedule(this.#options.clock, INTERVAL_MS, () => {
      this.#arm()
      const sample = this.#sample()
      this.#samples.push(sample)
      if (this.#samples.length > MOST_KEPT) this.#samples = this.#samples.slice(-MOST_KEPT)
      for (const listener of [...this.#listeners]) listener([sample])
    })
  }

  #sample(): FiguresSample {
    const { clock, now, sources } = this.#options
    const { tokens, restarts, timeToFirstToken } = sources.counted()
    const { running, waiting } = sources.generations()
    const at = clock.now()
    const seconds = (at - this.#before.at) / 1_000
    const tokensPerSecond = seconds > 0 ? (tokens - this.#before.tokens) / seconds : 0
    this.#before = { at, tokens }
    return {
      time: now(),
      tokensPerSecond,
      ...(timeToFirstToken !== undefined && { timeToFirstToken }),
      running,
      waiting,
      restarts,
      eventLoopDelay: (this.#eventLoop?.take().p99 ?? 0) * 1_000,
      memory: process.memoryUsage.rss(),
      processes: Object.fromEntries(sources.processes()),
    }
  }
}
