import { Command } from 'commander'
import { type AddressOptions, withAddress } from './node-address.ts'

/** `exovisor top`: the tree of a running node in a terminal, live. */
export function topCommand(): Command {
  return withAddress(
    new Command('top').description('show the cluster, the actors and the throughput of a running node, live'),
  )
    .option('--interval <time>', 'the time between two pictures, like 500ms', '1s')
    .option('--once', 'print one picture and end')
    .action((_options: AddressOptions & { readonly interval: string; readonly once?: boolean }) => {
      throw new Error('to be written')
    })
}
