// Fails when the lockfile holds a download address, or names an optional dependency that it does not hold:
// then `npm ci` would fail, or another platform would be left without its binary.
import { readFileSync } from 'node:fs'

const text = readFileSync('package-lock.json', 'utf8')
const { packages } = JSON.parse(text)

function holds(from, name) {
  for (let base = from; ; ) {
    if (packages[`${base ? `${base}/` : ''}node_modules/${name}`]) return true
    if (!base) return false
    const nested = base.lastIndexOf('/node_modules/')
    base = nested >= 0 ? base.slice(0, nested) : ''
  }
}

const faults = Object.entries(packages).flatMap(([at, entry]) =>
  Object.keys(entry.optionalDependencies ?? {})
    .filter(name => !holds(at, name))
    .map(name => `${at} lacks its optional dependency ${name}`),
)
if (/"resolved": "https?:/.test(text)) faults.push('the lockfile holds a download address')
for (const fault of faults) console.error(fault)
process.exitCode = faults.length > 0 ? 1 : 0
