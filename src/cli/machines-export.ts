import { Command, Option } from 'commander'
import { type AnyLifecycleMachine, machines } from '../../machines/index.ts'
import { namedMachine } from './machine-names.ts'
import { toMermaid } from './mermaid.ts'
import { type OwnFile, writeOwnFiles } from './own-files.ts'

const formats = ['stately', 'mermaid', 'json'] as const
type ExportFormat = (typeof formats)[number]

interface ExportOptions {
  readonly format: ExportFormat
  readonly output?: string
}

type Named = readonly [name: string, machine: AnyLifecycleMachine]

const mark = 'written by: exovisor machines export'

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/**
 * A machine as source text that Stately's editor imports and that runs with xstate. Its configuration is plain data, so nothing is lost;
 * what its guards and actions do is known by their names only.
 */
function statelySource(name: string, machine: AnyLifecycleMachine): string {
  return `// ${mark}\nimport { createMachine } from 'xstate'\n\nexport const ${name} = createMachine(${json(machine.config).trimEnd()})\n`
}

/** All on the screen: for json one object by name, for mermaid a page of Markdown unless it is one diagram. */
function onScreen(chosen: readonly Named[], format: ExportFormat): string {
  if (format === 'json')
    return json(Object.fromEntries(chosen.map(([name, machine]) => [name, machine.config])))
  if (format === 'stately') {
    const sources = chosen.map(([name, machine]) =>
      statelySource(name, machine).split('\n').slice(2).join('\n'),
    )
    return `// ${mark}\nimport { createMachine } from 'xstate'\n${sources.join('')}`
  }
  if (chosen.length === 1) return chosen.map(([, machine]) => toMermaid(machine)).join('')
  return chosen
    .map(
      ([name, machine]) =>
        `## ${name}\n\n${machine.config.description}\n\n\`\`\`mermaid\n${toMermaid(machine)}\`\`\`\n`,
    )
    .join('\n')
}

const isOurJson = (text: string, id: string): boolean => {
  try {
    const config = JSON.parse(text) as Readonly<Record<string, unknown>> | null
    return config?.['id'] === id && config['initial'] === 'UNINITIALIZED'
  } catch {
    return false
  }
}

function asFile([name, machine]: Named, format: ExportFormat): OwnFile {
  const isMarked = (text: string): boolean => text.slice(0, 200).includes(mark)
  if (format === 'json')
    return { name: `${name}.json`, text: json(machine.config), isOurs: text => isOurJson(text, machine.id) }
  if (format === 'mermaid')
    return { name: `${name}.mmd`, text: `%% ${mark}\n${toMermaid(machine)}`, isOurs: isMarked }
  return { name: `${name}.ts`, text: statelySource(name, machine), isOurs: isMarked }
}

/**
 * `exovisor machines export [NAMES...] [--format stately|mermaid|json] [--output DIR]`: to the screen, or one file for each: `NAME.ts`,
 * `NAME.mmd` or `NAME.json`.
 *
 * @throws EXO_USAGE, from its action, for an unknown name, or a directory that cannot take the files; then none is written
 */
export function machinesExportCommand(): Command {
  return new Command('export')
    .description('write all statecharts, or those that are named, to the screen or into a directory')
    .argument('[NAMES...]', 'the statecharts to write; all without it')
    .addOption(
      new Option(
        '--format <format>',
        'stately opens in the Stately editor, mermaid in Markdown, json in programs',
      )
        .choices(formats)
        .default('stately' satisfies ExportFormat),
    )
    .option('--output <directory>', 'write one file for each into this directory')
    .action((names: readonly string[], { format, output }: ExportOptions, command: Command) => {
      const write = command.configureOutput().writeOut
      const chosen: readonly Named[] =
        names.length === 0
          ? Object.entries(machines)
          : [...new Set(names)].map(name => [name, namedMachine(name)] as const)
      if (output === undefined) {
        write?.(onScreen(chosen, format))
        return
      }
      for (const path of writeOwnFiles(
        output,
        chosen.map(each => asFile(each, format)),
      ))
        write?.(`${path}\n`)
    })
}
