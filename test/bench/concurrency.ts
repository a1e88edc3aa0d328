// Measures structured concurrency beside what else there is: npm run bench:concurrency -- [--json] [--tiny]
//   --json   one line of JSON: the figures of each subject, and our ratios to the others
//   --tiny   sizes that show only that the bench works
// All by CPU time of the process, medians of rounds in which the subjects take turns: wall time on a busy machine says little. What each
// subject does for a figure stands in its own file. Ratios are ours to theirs: below 1 ours is cheaper.
import { exovisor } from './concurrency-exovisor.ts'
import { type Comparison, compare, fullSizes, type Sizes } from './concurrency-measures.ts'
import { effect } from './peers/effect-fibers.ts'
import { effection } from './peers/effection-tasks.ts'
import { rawPromises } from './peers/raw-promises.ts'

const tinySizes: Sizes = {
  twoChildren: 5,
  items: 100,
  locks: 20,
  branches: 3,
  leaves: 3,
  rounds: 2,
  treeRounds: 2,
}

const flags = new Set(process.argv.slice(2))
const json = flags.has('--json')
const progress = (line: string): void => {
  if (!json) console.error(line)
}

const shown = (value: number): number => +value.toPrecision(3)

/** One row for each figure: of each subject the figure, and how many times it ours is. */
const table = ({ figures, ratios }: Comparison): object =>
  Object.fromEntries(
    Object.entries(ratios).map(([name, others]) => [
      name,
      Object.fromEntries(
        Object.entries(figures).flatMap(([subject, reached]) => [
          [subject, shown(reached[name as keyof typeof ratios])],
          ...(subject in others ? [[`x ${subject}`, shown(others[subject]!)]] : []),
        ]),
      ),
    ]),
  )

const compared = await compare(
  [exovisor, rawPromises, effect, effection],
  flags.has('--tiny') ? tinySizes : fullSizes,
  progress,
)
if (json) console.log(JSON.stringify({ ...compared.figures, ratios: compared.ratios }))
else console.table(table(compared))
