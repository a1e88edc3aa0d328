/**
 * Writes the generated parts of README.md: what stands between `<!-- generated: NAME -->` and `<!-- end -->`.
 * With --check it writes nothing, and fails when a part is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { lifecycle, machines } from '../machines/index.ts'
import { toMermaid } from '../src/cli/mermaid.ts'
import { describeConfig } from '../src/config/describe.ts'
import { builtinPolicies } from '../src/config/policies.ts'
import { errorCatalogue } from '../src/errors.ts'
import './resource-schemas.ts'
import { metricCatalogue } from '../src/observe/metric-catalogue.ts'

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]) =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

const parts: Readonly<Record<string, () => string>> = {
  errors: () =>
    table(
      ['code', 'what has happened', 'what to do', 'retry helps'],
      Object.entries(errorCatalogue).map(([name, { meaning, remedy, retryable }]) => [
        code(name),
        meaning,
        remedy,
        retryable ? 'yes' : 'no',
      ]),
    ),
  config: () =>
    table(
      ['key', 'default', 'what it does'],
      describeConfig().map(({ path, default: value, description }) => [
        code(path),
        code(value ?? ''),
        description,
      ]),
    ),
  metrics: () =>
    table(
      ['metric', 'type', 'labels', 'what it tells'],
      Object.entries(metricCatalogue).map(([name, { type, labels, help }]) => [
        code(name),
        type,
        labels.map(code).join(', '),
        help,
      ]),
    ),
  policies: () =>
    table(
      ['policy', 'what it is for'],
      Object.entries(builtinPolicies).map(([name, { description }]) => [code(name), description]),
    ),
  scores,
  states: () =>
    table(
      ['state', 'meaning'],
      Object.entries(lifecycle.config.states ?? {}).map(([name, state]) => [name, state.description ?? '']),
    ),
  machines: () =>
    Object.entries(machines)
      .map(([name, machine]) => {
        const { description } = machine.config
        return `### ${name}\n\n${description}\n\n\`\`\`mermaid\n${toMermaid(machine).trim()}\n\`\`\``
      })
      .join('\n\n'),
}

interface Training {
  readonly parameters: number
  readonly scores: Readonly<Record<string, { readonly questions: number; readonly right: number }>>
}

/** The names of the scores that stand in the README, and what they measure. */
const scoreTitles: Readonly<Record<string, string>> = {
  trainedWordings: 'questions in wordings it was trained on',
  heldout: 'questions about Exovisor, written by hand and kept out of training',
  heldoutUnknown: 'questions about other things, kept out of training: right is to say that it does not know',
}

function scores(): string {
  const training = JSON.parse(readFileSync('src/models/builtin/training.json', 'utf8')) as Training
  const rows = Object.entries(scoreTitles).map(([name, title]) => {
    const score = training.scores[name]
    if (!score) throw new Error(`training.json has no score ${name}`)
    return [title, String(score.questions), `${(100 * score.right).toFixed(1)} %`]
  })
  return table(['measured at temperature 0', 'questions', 'right'], rows)
}

const check = process.argv.includes('--check')
const before = readFileSync('README.md', 'utf8')
const seen = new Set<string>()
const withParts = before.replace(
  /(<!-- generated: ([a-z]+) -->\n)[\s\S]*?(<!-- end -->)/g,
  (_, begin: string, name: string, end: string) => {
    const part = parts[name]
    if (!part)
      throw new Error(`README.md has a generated part ${name}; known are ${Object.keys(parts).join(', ')}`)
    seen.add(name)
    return `${begin}\n${part()}\n\n${end}`
  },
)
/** An example is shown as it is run: without its first comment, which only says how. */
function example(path: string): string {
  const text = readFileSync(path, 'utf8').replace(/^\/\*\*[\s\S]*?\*\/\n/, '')
  return `\`\`\`ts\n${text.trim()}\n\`\`\``
}

const missing = Object.keys(parts).filter(name => !seen.has(name))
const after = withParts.replace(
  /(<!-- example: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
  (_, begin: string, path: string, end: string) => `${begin}\n${example(path)}\n\n${end}`,
)
if (missing.length > 0) throw new Error(`README.md lacks the generated parts ${missing.join(', ')}`)
if (!check) writeFileSync('README.md', after)
else if (after !== before) {
  console.error('README.md has stale generated parts: run npm run docs')
  process.exitCode = 1
}
