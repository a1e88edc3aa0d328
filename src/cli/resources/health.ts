import { Command } from 'commander'
import { withAddress } from '../node-address.ts'
import { json, todo, watch } from './options.ts'

/** `exovisor resources health`. */
export function healthCommand(): Command {
  return withAddress(
    new Command('health').description(
      'report how the resources are: problems, thresholds and what has happened; exit code 1 if there is a problem',
    ),
  )
    .option('--since <time>', 'tell also what has happened in this time, like 12h, from the history')
    .option(...watch)
    .option(...json)
    .action(todo)
}
