import { Command } from 'commander'
import { withAddress } from './node-address.ts'

const todo = (): void => {
  throw new Error('to be written')
}

const json = ['--json', 'write the result as JSON'] as const
const watch = ['--watch', 'go on, and show it again whenever it changes'] as const

/** `exovisor resources`: sees and commands the resources of a running node. */
export function resourcesCommand(): Command {
  return new Command('resources')
    .description('show and command the resources of a node that runs on this machine')
    .addCommand(
      withAddress(
        new Command('list').description(
          'list the resources with state, incarnation, restarts and last error',
        ),
      )
        .option('--kind <kind>', 'only resources of this kind')
        .option('--state <state>', 'only resources in this state')
        .option(...watch)
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(
        new Command('tree').description('show the supervision tree with the state of each resource'),
      )
        .option(...watch)
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(
        new Command('health').description(
          'report how the resources are: problems, thresholds and what has happened; exit code 1 if there is a problem',
        ),
      )
        .option('--since <time>', 'tell also what has happened in this time, like 12h, from the history')
        .option(...watch)
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(
        new Command('reset').description('restart a resource and forget its earlier restarts and errors'),
      )
        .argument('<name>', 'its path, or its name if that is the only one')
        .option('--kind <kind>', 'the kind that it must be of')
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(new Command('restart').description('restart a resource and wait until it is READY'))
        .argument('<name>', 'its path, or its name if that is the only one')
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(new Command('suspend').description('let a resource rest: messages and health checks wait'))
        .argument('<name>', 'its path, or its name if that is the only one')
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(new Command('resume').description('let a suspended resource go on'))
        .argument('<name>', 'its path, or its name if that is the only one')
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(new Command('events').description('show the last events of the supervisors'))
        .option('--name <name>', 'only events of this resource')
        .option('--since <time>', 'the events of this time, like 12h, from the history')
        .option('--limit <count>', 'how many events at most', '50')
        .option('--watch', 'go on, and show each new event')
        .option(...json)
        .action(todo),
    )
    .addCommand(
      withAddress(
        new Command('export').description('write the resources, their specs, problems and events to a file'),
      )
        .requiredOption('--output <file>', 'the file to write, as JSON')
        .action(todo),
    )
}
