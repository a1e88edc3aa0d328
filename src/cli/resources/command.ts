import { Command } from 'commander'
import { withAddress } from '../node-address.ts'
import { json, todo } from './options.ts'

/** `exovisor resources reset`. */
export function resetCommand(): Command {
  return withAddress(
    new Command('reset').description('restart a resource and forget its earlier restarts and errors'),
  )
    .argument('<name>', 'its path, or its name if that is the only one')
    .option('--kind <kind>', 'the kind that it must be of')
    .option(...json)
    .action(todo)
}

/** `exovisor resources restart`. */
export function restartCommand(): Command {
  return withAddress(new Command('restart').description('restart a resource and wait until it is READY'))
    .argument('<name>', 'its path, or its name if that is the only one')
    .option(...json)
    .action(todo)
}

/** `exovisor resources suspend`. */
export function suspendCommand(): Command {
  return withAddress(
    new Command('suspend').description('let a resource rest: messages and health checks wait'),
  )
    .argument('<name>', 'its path, or its name if that is the only one')
    .option(...json)
    .action(todo)
}

/** `exovisor resources resume`. */
export function resumeCommand(): Command {
  return withAddress(new Command('resume').description('let a suspended resource go on'))
    .argument('<name>', 'its path, or its name if that is the only one')
    .option(...json)
    .action(todo)
}
