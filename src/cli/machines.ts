import { Command, Option } from 'commander'
import { closest } from 'fastest-levenshtein'
import { type AnyLifecycleMachine, machines } from '../../machines/index.ts'
import { ExovisorError } from '../errors.ts'
import { toMermaid } from './mermaid.ts'

type Format = 'json' | 'mermaid'

function list(): string {
  const names = Object.keys(machines)
  const width = Math.max(...names.map(name => name.length))
  return names.map(name => `${name.padEnd(width)}  ${machines[name]?.config.description ?? ''}\n`).join('')
}

function find(name: string): AnyLifecycleMachine {
  const machine = Object.hasOwn(machines, name) ? machines[name] : undefined
  if (machine) return machine
  const names = Object.keys(machines)
  throw new ExovisorError(
    'EXO_USAGE',
    `there is no machine ${JSON.stringify(name)}, did you mean ${closest(name, names)}? There are: ${names.join(', ')}`,
    { details: { machine: name } },
  )
}

function print(machine: AnyLifecycleMachine, format: Format): string {
  return format === 'mermaid' ? toMermaid(machine) : `${JSON.stringify(machine.config, null, 2)}\n`
}

/**
 * `exovisor machines [NAME] [--format json|mermaid]`: lists the statecharts, or prints one: as the JSON that Stately's editor
 * opens, or as a Mermaid diagram.
 *
 * @throws EXO_USAGE, from its action, for an unknown name
 */
export function machinesCommand(): Command {
  return new Command('machines')
    .description('list the statecharts, or print one of them')
    .argument('[NAME]', 'the statechart to print; all are listed without it')
    .addOption(
      new Option('--format <format>', 'json opens in the Stately editor, mermaid in Markdown')
        .choices(['json', 'mermaid'] satisfies Format[])
        .default('json'),
    )
    .action((name: string | undefined, { format }: { format: Format }, command: Command) => {
      command.configureOutput().writeOut?.(name === undefined ? list() : print(find(name), format))
    })
    .addCommand(
      new Command('export')
        .description('write all statecharts, or those that are named, to the screen or into a directory')
        .argument('[NAMES...]', 'the statecharts to write; all without it')
        .addOption(
          new Option(
            '--format <format>',
            'stately opens in the Stately editor, mermaid in Markdown, json in programs',
          )
            .choices(['stately', 'mermaid', 'json'])
            .default('stately'),
        )
        .option('--output <directory>', 'write one file for each into this directory')
        .action(() => {
          throw new Error('to be written')
        }),
    )
}
