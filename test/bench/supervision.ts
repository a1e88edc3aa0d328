// Measures supervision: npm run bench:supervision -- [--json] [--peers] [--tiny]
//   --json   one line of JSON with the figures of this project, or with --peers those of each subject
//   --peers  also Erlang/OTP, plain XState and nact, by the same definitions, with the ratios to them
//   --tiny   sizes that show only that the bench works
// Rates are per second of CPU time, since wall time on a busy machine says little; restarts are medians of wall time.
import { nactTree } from './peers/nact-tree.ts'
import { measureOtp } from './peers/otp.ts'
import { xstateTree } from './peers/xstate-tree.ts'
import { measureCalls } from './supervision-calls.ts'
import { exovisor } from './supervision-exovisor.ts'
import { type Figures, fullSizes, measure, type Sizes } from './supervision-measures.ts'

const tinySizes: Sizes = {
  many: 40,
  kills: 50,
  idle: 50,
  roundTrips: 50,
  rounds: 1,
  siblings: [1, 5, 10],
  supervisors: 4,
  storms: true,
}

const flags = new Set(process.argv.slice(2))
const json = flags.has('--json')
const sizes = flags.has('--tiny') ? tinySizes : fullSizes
const progress = (line: string): void => {
  if (!json) console.error(line)
}

/** A storm of a machine with 10,000 children takes more than a minute, since each stop and each spawn copies the list of them. */
const xstateSizes: Sizes = { ...sizes, rounds: 1, kills: Math.min(sizes.kills, 100), storms: false }

async function peers(): Promise<Record<string, Figures>> {
  const found: Record<string, Figures> = {}
  const otp = measureOtp(sizes)
  if (otp) found['Erlang/OTP'] = otp
  else progress('Erlang/OTP is not installed: apt-get install erlang-base')
  found[xstateTree.name] = await measure(xstateTree, xstateSizes, progress)
  const nact = await nactTree()
  if (nact) found[nact.name] = await measure(nact, sizes, progress)
  else progress('nact is not installed: npm install --no-save nact')
  return found
}

const shown = (value = Number.NaN): string => (Number.isFinite(value) ? String(+value.toPrecision(4)) : '-')

/** One row for each figure: of each subject the figure, and how many times it ours is. */
function table(own: Figures, others: Readonly<Record<string, Figures>>): object {
  return Object.fromEntries(
    (Object.keys(own) as (keyof Figures)[]).map(name => [
      name,
      {
        exovisor: shown(own[name]),
        ...Object.fromEntries(
          Object.entries(others).flatMap(([peer, figures]) => [
            [peer, shown(figures[name])],
            [`x ${peer}`, shown((own[name] ?? Number.NaN) / (figures[name] ?? Number.NaN))],
          ]),
        ),
      },
    ]),
  )
}

const figures = await measure(exovisor, sizes, progress)
const calls = await measureCalls(flags.has('--tiny') ? 500 : 200_000, sizes.rounds)
const own = { ...figures, ...calls }
const others = flags.has('--peers') ? await peers() : {}
if (json) console.log(JSON.stringify(flags.has('--peers') ? { exovisor: own, ...others } : own))
else console.table(table(own, others))
