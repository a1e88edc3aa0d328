/** A tree of children under one supervisor, as a subject of the bench builds it. */
export interface Tree {
  readonly size: number
  /** Called each time when the successor of a killed child is READY. */
  onReady: () => void
  kill(index: number): void
  close(): Promise<void>
}

/** One runtime that can be measured by the definitions of this file. */
export interface Subject {
  readonly name: string
  /** One supervisor with so many children, all of them READY. */
  grow(children: number): Promise<Tree>
  /** So many supervisors side by side in one runtime, each with so many children. */
  growSideBySide(supervisors: number, children: number): Promise<readonly Tree[]>
  /** Two actors that send one message to and fro, so many times. Resolves when the last one is back. */
  roundTrips(count: number): Promise<void>
}

/** How much is measured. The defaults are those of the published figures. */
export interface Sizes {
  /** Children that are spawned, and killed in a storm. */
  readonly many: number
  readonly kills: number
  readonly idle: number
  readonly roundTrips: number
  readonly rounds: number
  readonly siblings: readonly [one: number, thousand: number, tenThousand: number]
  readonly supervisors: number
  /** False for a subject that a storm would keep busy for too long. */
  readonly storms: boolean
}

export const fullSizes: Sizes = {
  many: 10_000,
  kills: 1_000,
  idle: 30_000,
  roundTrips: 100_000,
  rounds: 5,
  siblings: [1, 1_000, 10_000],
  supervisors: 100,
  storms: true,
}

/** What one subject reached. A figure that it cannot give is left out. */
export interface Figures {
  spawn_per_s?: number
  roundtrips_per_s?: number
  bytes_per_actor?: number
  restart_us_1?: number
  restart_us_1k?: number
  restart_us_10k?: number
  storm_10k_cpu_ms?: number
  storm_10k_max_stall_ms?: number
  storm_10k_100sup_cpu_ms?: number
  storm_10k_100sup_max_stall_ms?: number
}

/** A supervisor is renewed after so many kills, so that the list of its restarts stays short. */
const KILLS_PER_SUPERVISOR = 25

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** The CPU time of this process that a work takes, in milliseconds: user and system, collector and compiler included. */
export async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

async function settledHeap(): Promise<number> {
  if (!globalThis.gc) throw new Error('the bench needs node --expose-gc to measure bytes')
  for (let round = 0; round < 4; round += 1) {
    await turn()
    globalThis.gc()
  }
  return process.memoryUsage().heapUsed
}

/** Children per second of CPU time, until all are READY. */
export async function spawnRate(subject: Subject, { many, rounds }: Sizes): Promise<number> {
  const rates: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    let tree: Tree | undefined
    const ms = await cpuMs(async () => {
      tree = await subject.grow(many)
    })
    await tree?.close()
    if (round > 0) rates.push((many / ms) * 1_000)
  }
  return median(rates)
}

/** Messages to and fro per second of CPU time. */
export async function roundTripRate(subject: Subject, { roundTrips, rounds }: Sizes): Promise<number> {
  const rates: number[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const ms = await cpuMs(() => subject.roundTrips(roundTrips))
    if (round > 0) rates.push((roundTrips / ms) * 1_000)
  }
  return median(rates)
}

/** The heap that one idle child takes, with its share of the supervisor's table. */
export async function bytesPerActor(subject: Subject, { idle }: Sizes): Promise<number> {
  await (await subject.grow(10)).close()
  const before = await settledHeap()
  const tree = await subject.grow(idle)
  const after = await settledHeap()
  await tree.close()
  return (after - before) / idle
}

const killOne = (tree: Tree, index: number): Promise<number> =>
  new Promise(resolve => {
    tree.onReady = () => resolve((performance.now() - start) * 1_000)
    const start = performance.now()
    tree.kill(index)
  })

/** The median of the wall time from a kill until the successor is READY, in microseconds. */
export async function restartMicroseconds(
  subject: Subject,
  siblings: number,
  kills: number,
): Promise<number> {
  const times: number[] = []
  while (times.length < kills) {
    const tree = await subject.grow(siblings)
    for (let kill = 0; kill < KILLS_PER_SUPERVISOR; kill += 1) {
      times.push(await killOne(tree, Math.floor(Math.random() * siblings)))
      await turn()
    }
    await tree.close()
  }
  return median(times)
}

/** Watches the event loop: the longest gap between two ticks of a timer of one millisecond. */
class StallWatch {
  longest = 0
  #last = performance.now()
  readonly #timer = setInterval(() => this.#tick(), 1)

  stop(): number {
    this.#tick()
    clearInterval(this.#timer)
    return this.longest
  }

  #tick(): void {
    const now = performance.now()
    this.longest = Math.max(this.longest, now - this.#last)
    this.#last = now
  }
}

interface Storm {
  readonly cpuMs: number
  readonly stallMs: number
}

async function oneStorm(trees: readonly Tree[]): Promise<Storm> {
  await turn()
  let left = trees.reduce((sum, { size }) => sum + size, 0)
  const watch = new StallWatch()
  const ms = await cpuMs(
    () =>
      new Promise<void>(resolve => {
        const ready = (): void => {
          left -= 1
          if (left === 0) resolve()
        }
        for (const tree of trees) tree.onReady = ready
        for (const tree of trees) for (let index = 0; index < tree.size; index += 1) tree.kill(index)
      }),
  )
  return { cpuMs: ms, stallMs: watch.stop() }
}

/** Kills all children of so many supervisors at once: CPU time until all are READY again, and the longest stall. */
export async function storm(subject: Subject, supervisors: number, { many, rounds }: Sizes): Promise<Storm> {
  const storms: Storm[] = []
  for (let round = 0; round <= rounds; round += 1) {
    const trees =
      supervisors === 1
        ? [await subject.grow(many)]
        : await subject.growSideBySide(supervisors, Math.ceil(many / supervisors))
    storms.push(await oneStorm(trees))
    for (const tree of trees.toReversed()) await tree.close()
  }
  const warm = storms.slice(1)
  return { cpuMs: median(warm.map(each => each.cpuMs)), stallMs: median(warm.map(each => each.stallMs)) }
}

/**
 * Everything, in an order in which each part warms up the next. The bytes come last: what a forced collection throws away, compiled code
 * too, would have to be made again while others are timed.
 */
export async function measure(
  subject: Subject,
  sizes: Sizes,
  progress: (line: string) => void,
): Promise<Figures> {
  const [one, thousand, tenThousand] = sizes.siblings
  const figures: Figures = {}
  const note = <Name extends keyof Figures>(name: Name, value: number): void => {
    figures[name] = value
    progress(`${subject.name} ${name} ${value.toPrecision(4)}`)
  }
  note('spawn_per_s', await spawnRate(subject, sizes))
  note('roundtrips_per_s', await roundTripRate(subject, sizes))
  // Its place among the figures; it is measured last.
  figures.bytes_per_actor = Number.NaN
  await restartMicroseconds(subject, one, sizes.kills)
  note('restart_us_1', await restartMicroseconds(subject, one, sizes.kills))
  note('restart_us_1k', await restartMicroseconds(subject, thousand, sizes.kills))
  note('restart_us_10k', await restartMicroseconds(subject, tenThousand, sizes.kills))
  if (!sizes.storms) {
    note('bytes_per_actor', await bytesPerActor(subject, sizes))
    return figures
  }
  const alone = await storm(subject, 1, sizes)
  note('storm_10k_cpu_ms', alone.cpuMs)
  note('storm_10k_max_stall_ms', alone.stallMs)
  const spread = await storm(subject, sizes.supervisors, sizes)
  note('storm_10k_100sup_cpu_ms', spread.cpuMs)
  note('storm_10k_100sup_max_stall_ms', spread.stallMs)
  note('bytes_per_actor', await bytesPerActor(subject, sizes))
  return figures
}
