#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { benchCommand } from './bench.ts'
import { configCommand } from './config.ts'
import { consoleCommand } from './console.ts'
import { exitCodes } from './exit-codes.ts'
import { machinesCommand } from './machines.ts'
import { reportError } from './report-error.ts'
import { resourcesCommand } from './resources.ts'
import { runCommand } from './run.ts'
import { tasksCommand } from './tasks.ts'
import { topCommand } from './top.ts'
import { upCommand } from './up.ts'

const program = new Command('exovisor')
  .description(
    'Supervised actors for Node.js, and a node that runs language models split over ordinary machines.',
  )
  .version(version)
  .showSuggestionAfterError()
  .enablePositionalOptions()
  .addCommand(upCommand())
  .addCommand(runCommand())
  .addCommand(benchCommand())
  .addCommand(configCommand())
  .addCommand(machinesCommand())
  .addCommand(consoleCommand())
  .addCommand(topCommand())
  .addCommand(resourcesCommand())
  .addCommand(tasksCommand())

/** Sub-commands that were added as they are inherit nothing, so each is told not to end the process itself. */
function keepControl(command: Command): void {
  command.exitOverride()
  for (const sub of command.commands) keepControl(sub)
}

// A reader that has left (`exovisor run ... | head`) is no fault of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
})

keepControl(program)
try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  else
    process.exitCode = reportError(error, {
      json: process.argv.includes('--json'),
      debug: process.argv.includes('--debug'),
    })
}
