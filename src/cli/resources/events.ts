import { Command } from 'commander'
import { withAddress } from '../node-address.ts'
import { json, todo } from './options.ts'

/** `exovisor resources events`. */
export function eventsCommand(): Command {
  return withAddress(new Command('events').description('show the last events of the supervisors'))
    .option('--name <name>', 'only events of this resource')
    .option('--since <time>', 'the events of this time, like 12h, from the history')
    .option('--limit <count>', 'how many events at most', '50')
    .option('--watch', 'go on, and show each new event')
    .option(...json)
    .action(todo)
}
