import { Command } from 'commander'
import { withAddress } from '../node-address.ts'
import { json, todo, watch } from './options.ts'

/** `exovisor resources list`. */
export function listCommand(): Command {
  return withAddress(
    new Command('list').description('list the resources with state, incarnation, restarts and last error'),
  )
    .option('--kind <kind>', 'only resources of this kind')
    .option('--state <state>', 'only resources in this state')
    .option(...watch)
    .option(...json)
    .action(todo)
}

/** `exovisor resources tree`. */
export function treeCommand(): Command {
  return withAddress(
    new Command('tree').description('show the supervision tree with the state of each resource'),
  )
    .option(...watch)
    .option(...json)
    .action(todo)
}
