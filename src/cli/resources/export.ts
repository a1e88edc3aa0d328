import { Command } from 'commander'
import { withAddress } from '../node-address.ts'
import { todo } from './options.ts'

/** `exovisor resources export`. */
export function exportCommand(): Command {
  return withAddress(
    new Command('export').description('write the resources, their specs, problems and events to a file'),
  )
    .requiredOption('--output <file>', 'the file to write, as JSON')
    .action(todo)
}
