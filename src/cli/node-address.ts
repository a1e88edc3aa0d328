import type { Command } from 'commander'
import type { NodeAddress } from '../observe/control/ask-node.ts'
import { controlDirectory } from '../observe/control/socket-path.ts'

/** How a command names the node that it talks to. */
export interface AddressOptions {
  readonly node?: string
  readonly socket?: string
}

/** Gives a command the options that name a running node. */
export function withAddress(command: Command): Command {
  return command
    .option('--node <name>', 'the node to ask; needed when several run on this machine')
    .option('--socket <path>', 'the control socket to ask, in place of looking for it')
}

/** Where the options say that the node is. */
export function addressOf({ node, socket }: AddressOptions): NodeAddress {
  return {
    directory: controlDirectory(),
    ...(node !== undefined && { node }),
    ...(socket !== undefined && { socket }),
  }
}
