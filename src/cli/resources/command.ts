import { Command } from 'commander'
import { askNode } from '../../observe/control/ask-node.ts'
import { type CommandAnswer, commandAnswer } from '../../observe/control/resource-answers.ts'
import { writeJsonLine } from '../json-lines.ts'
import { type AddressOptions, addressOf, withAddress } from '../node-address.ts'
import { printable } from '../printable.ts'
import { json } from './options.ts'

interface GivenOptions extends AddressOptions {
  readonly kind?: string
  readonly json?: true
}

/** The node gives up before this, and says why. */
const TIMEOUT_MS = 40_000

/** `exovisor resources reset`. With `--json` one line, as with the next three: see `schemas/command.schema.json`. */
export function resetCommand(): Command {
  return withAddress(
    new Command('reset').description('restart a resource and forget its earlier restarts and errors'),
  )
    .argument('<name>', 'its path, or its name if that is the only one')
    .option('--kind <kind>', 'the kind that it must be of')
    .option(...json)
    .action((name: string, options: GivenOptions) => give('reset', name, options))
}

/** `exovisor resources restart`. */
export function restartCommand(): Command {
  return withAddress(new Command('restart').description('restart a resource and wait until it is READY'))
    .argument('<name>', 'its path, or its name if that is the only one')
    .option(...json)
    .action((name: string, options: GivenOptions) => give('restart', name, options))
}

/** `exovisor resources suspend`. */
export function suspendCommand(): Command {
  return withAddress(
    new Command('suspend').description('let a resource rest: messages and health checks wait'),
  )
    .argument('<name>', 'its path, or its name if that is the only one')
    .option(...json)
    .action((name: string, options: GivenOptions) => give('suspend', name, options))
}

/** `exovisor resources resume`. */
export function resumeCommand(): Command {
  return withAddress(new Command('resume').description('let a suspended resource go on'))
    .argument('<name>', 'its path, or its name if that is the only one')
    .option(...json)
    .action((name: string, options: GivenOptions) => give('resume', name, options))
}

async function give(
  command: CommandAnswer['command'],
  name: string,
  { kind, json: asJson, ...address }: GivenOptions,
): Promise<void> {
  const params = { command, name, ...(kind !== undefined && { kind }) }
  const options = { params, timeout: TIMEOUT_MS }
  const answer = commandAnswer.parse(await askNode(addressOf(address), 'resources.command', options))
  if (asJson) writeJsonLine(process.stdout, answer)
  else process.stdout.write(`${commandText(answer)}\n`)
}

/** What a command has done, for people. */
function commandText({ path, state, incarnation, suspended }: CommandAnswer): string {
  return printable(`${path} is ${state}${suspended ? ', suspended' : ''}, incarnation ${incarnation}`)
}
