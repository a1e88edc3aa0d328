import { cpuMs, median } from './supervision-measures.ts'

/** Tasks that all wait until they are cancelled. */
export interface WaitingTree {
  /** Cancels the root; resolves when every task has ended. */
  cancel(): Promise<void>
}

/**
 * One way of doing things at the same time, so that it can be measured by the definitions of this file. What is asked `times` is done one
 * after the other.
 */
export interface Subject {
  readonly name: string
  /** Begins two children that give a number each at once, and joins them. Each time is called from plain code. */
  twoChildren(times: number): Promise<void>
  /** The same, all times within one program that runs already: for a library that pays for each beginning of one. */
  twoChildrenInside(times: number): Promise<void>
  /** So many items from senders to receivers that are tasks of their own, through a buffer of {@link CAPACITY}. Gives the sum of what arrived. */
  channel(items: number, senders: number, receivers: number): Promise<number>
  /** Takes and gives back a lock that nobody else wants. */
  freeLock(times: number): Promise<void>
  /** So many tasks that come for one lock again and again, and each gives way to the others once while it holds it: each time is a hand-over. */
  wantedLock(times: number, tasks: number): Promise<void>
  /** A root with so many branches that are tasks, each of them with so many leaves that wait for ever. Resolves when all wait. */
  tree(branches: number, leaves: number): Promise<WaitingTree>
}

export const CAPACITY = 16

/** How much is measured. The defaults are those of the published figures. */
export interface Sizes {
  readonly twoChildren: number
  readonly items: number
  readonly locks: number
  readonly branches: number
  readonly leaves: number
  readonly rounds: number
  readonly treeRounds: number
}

export const fullSizes: Sizes = {
  twoChildren: 1_500,
  items: 10_000,
  locks: 10_000,
  branches: 100,
  leaves: 99,
  rounds: 11,
  treeRounds: 5,
}

/** What one subject took: microseconds for each time, milliseconds for a tree, from its first task on or from the cancelling. */
export interface Figures {
  two_children_us: number
  two_children_inside_us: number
  channel_1_to_1_us: number
  channel_4_to_4_us: number
  lock_free_us: number
  lock_10_waiters_us: number
  tree_10k_ms: number
  tree_10k_cancel_ms: number
}

/** One round of one subject. */
interface Measure {
  readonly rounds: number
  run(subject: Subject): Promise<Partial<Figures>>
}

const each = async (times: number, work: () => Promise<unknown>): Promise<number> =>
  ((await cpuMs(work)) * 1_000) / times

const channel = (subject: Subject, items: number, ends: number): Promise<number> =>
  each(items, async () => {
    const sum = await subject.channel(items, ends, ends)
    if (sum !== (items * (items - 1)) / 2) throw new Error(`${subject.name} has lost or doubled an item`)
  })

async function tree(subject: Subject, { branches, leaves }: Sizes): Promise<Partial<Figures>> {
  let grown: WaitingTree | undefined
  const growing = await cpuMs(async () => {
    grown = await subject.tree(branches, leaves)
  })
  const cancelling = await cpuMs(async () => grown?.cancel())
  return { tree_10k_ms: growing + cancelling, tree_10k_cancel_ms: cancelling }
}

const measuresOf = (sizes: Sizes): readonly Measure[] => {
  const { twoChildren, items, locks, rounds, treeRounds } = sizes
  const one = (name: keyof Figures, took: (subject: Subject) => Promise<number>): Measure => ({
    rounds,
    run: async subject => ({ [name]: await took(subject) }),
  })
  return [
    one('two_children_us', subject => each(twoChildren, () => subject.twoChildren(twoChildren))),
    one('two_children_inside_us', subject => each(twoChildren, () => subject.twoChildrenInside(twoChildren))),
    one('channel_1_to_1_us', subject => channel(subject, items, 1)),
    one('channel_4_to_4_us', subject => channel(subject, items, 4)),
    one('lock_free_us', subject => each(locks, () => subject.freeLock(locks))),
    one('lock_10_waiters_us', subject => each(locks, () => subject.wantedLock(locks, 10))),
    { rounds: treeRounds, run: subject => tree(subject, sizes) },
  ]
}

/** What each subject took, and how many times what the others took the first one did. */
export interface Comparison {
  readonly figures: Readonly<Record<string, Figures>>
  readonly ratios: Readonly<Record<keyof Figures, Readonly<Record<string, number>>>>
}

const WARM_UP = 2

/** The rounds of all subjects by turns, so that what else the machine does meets each of them alike. */
async function byTurns(
  subjects: readonly Subject[],
  { run, rounds }: Measure,
): Promise<Partial<Figures>[][]> {
  const found = subjects.map((): Partial<Figures>[] => [])
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      // Forwards and backwards, and another one begins each time: whoever comes after a subject pays for the garbage it has left.
      // Collecting it in between was worse: the rounds after a forced collection took ours up to four times as long, and the others unevenly.
      const place = (turn + round + WARM_UP) % subjects.length
      const index = round % 2 === 0 ? place : subjects.length - 1 - place
      const took = await run(subjects[index]!)
      if (round >= 0) found[index]!.push(took)
    }
  }
  return found
}

/** Measures all subjects by turns. A ratio is the median of those of the single rounds. */
export async function compare(
  subjects: readonly Subject[],
  sizes: Sizes,
  progress: (line: string) => void,
): Promise<Comparison> {
  const figures = Object.fromEntries(subjects.map(({ name }) => [name, {} as Figures]))
  const ratios = {} as Record<keyof Figures, Record<string, number>>
  for (const measure of measuresOf(sizes)) {
    const found = await byTurns(subjects, measure)
    for (const name of Object.keys(found[0]![0]!) as (keyof Figures)[]) {
      const times = found.map(rounds => rounds.map(round => round[name]!))
      ratios[name] = {}
      for (const [index, { name: subject }] of subjects.entries()) {
        figures[subject]![name] = median(times[index]!)
        progress(`${subject} ${name} ${median(times[index]!).toPrecision(4)}`)
        if (index > 0)
          ratios[name][subject] = median(times[0]!.map((own, round) => own / times[index]![round]!))
      }
    }
  }
  return { figures, ratios }
}
