// Measures supervision: npm run bench:supervision -- [--json] [--peers] [--tiny]
// Rates are per second of CPU time, since wall time on a busy machine says little; restarts are medians of wall time.
import { exovisor } from './supervision-exovisor.ts'
import { fullSizes, measure, type Sizes } from './supervision-measures.ts'

const tinySizes: Sizes = {
  many: 40,
  kills: 50,
  idle: 50,
  roundTrips: 50,
  rounds: 1,
  siblings: [1, 5, 10],
  supervisors: 4,
}

const flags = new Set(process.argv.slice(2))
const json = flags.has('--json')
const sizes = flags.has('--tiny') ? tinySizes : fullSizes
const figures = await measure(exovisor, sizes, line => {
  if (!json) console.error(line)
})
if (json) console.log(JSON.stringify(figures))
else console.table(figures)
