import { Command } from 'commander'
import { z } from 'zod'
import { askNode } from '../observe/control/ask-node.ts'
import { writeJsonLine } from './json-lines.ts'
import { type AddressOptions, addressOf, withAddress } from './node-address.ts'

const consoleAddress = z.object({ url: z.url() })

/** `exovisor console`: where a browser finds the console. With `--json` one line: `{ "url" }`. */
export function consoleCommand(): Command {
  return withAddress(
    new Command('console').description('print the address of the console of a running node, with its token'),
  )
    .option('--json', 'write the result as JSON')
    .action(async ({ json, ...address }: AddressOptions & { readonly json?: boolean }) => {
      const answer = consoleAddress.parse(await askNode(addressOf(address), 'console.address'))
      if (json === true) writeJsonLine(process.stdout, answer)
      else process.stdout.write(`${answer.url}\n`)
    })
}
