import { Command, Option } from 'commander'
import { type AnyLifecycleMachine, machines } from '../../machines/index.ts'
import { namedMachine } from './machine-names.ts'
import { machinesExportCommand } from './machines-export.ts'
import { toMermaid } from './mermaid.ts'

type Format = 'json' | 'mermaid'

function list(): string {
  const names = Object.keys(machines)
  const width = Math.max(...names.map(name => name.length))
  return names.map(name => `${name.padEnd(width)}  ${machines[name]?.config.description ?? ''}\n`).join('')
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
  return (
    new Command('machines')
      .description('list the statecharts, or print one of them')
      // Else --format after `export` would be taken for that of the listing.
      .enablePositionalOptions()
      .argument('[NAME]', 'the statechart to print; all are listed without it')
      .addOption(
        new Option('--format <format>', 'json opens in the Stately editor, mermaid in Markdown')
          .choices(['json', 'mermaid'] satisfies Format[])
          .default('json'),
      )
      .action((name: string | undefined, { format }: { format: Format }, command: Command) => {
        command.configureOutput().writeOut?.(name === undefined ? list() : print(namedMachine(name), format))
      })
      .addCommand(machinesExportCommand())
  )
}
