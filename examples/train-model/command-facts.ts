import type { Command } from 'commander'
import { benchCommand } from '../../src/cli/bench.ts'
import { configCommand } from '../../src/cli/config.ts'
import { consoleCommand } from '../../src/cli/console.ts'
import { machinesCommand } from '../../src/cli/machines.ts'
import { resourcesCommand } from '../../src/cli/resources.ts'
import { runCommand } from '../../src/cli/run.ts'
import { tasksCommand } from '../../src/cli/tasks.ts'
import { topCommand } from '../../src/cli/top.ts'
import { upCommand } from '../../src/cli/up.ts'

/** What a command does and which options it takes, by their long names. */
interface CommandFact {
  readonly description: string
  readonly options: Readonly<Record<string, string>>
}

function factsOf(command: Command, path: readonly string[]): [string, CommandFact][] {
  const name = [...path, command.name()]
  const options = command.options.map(({ long, description }) => [long ?? '', description] as const)
  const fact = { description: command.description(), options: Object.fromEntries(options) }
  return [[name.join(' '), fact], ...command.commands.flatMap(sub => factsOf(sub, name))]
}

/** Every command of the program, sub-commands as `config check`. */
export function commandFacts(): Readonly<Record<string, CommandFact>> {
  const commands = [
    upCommand(),
    runCommand(),
    benchCommand(),
    configCommand(),
    machinesCommand(),
    consoleCommand(),
    topCommand(),
    resourcesCommand(),
    tasksCommand(),
  ]
  return Object.fromEntries(commands.flatMap(command => factsOf(command, [])))
}
