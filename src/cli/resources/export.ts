import { basename, dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { askNode } from '../../observe/control/ask-node.ts'
import { exportAnswer } from '../../observe/control/resource-answers.ts'
import { type AddressOptions, addressOf, withAddress } from '../node-address.ts'
import { writeOwnFiles } from '../own-files.ts'

interface ExportOptions extends AddressOptions {
  readonly output: string
}

/** Ten thousand resources with their specs take a node a second or two. */
const TIMEOUT_MS = 60_000

/** `exovisor resources export`. The file is one JSON document: see `schemas/export.schema.json`. */
export function exportCommand(): Command {
  return withAddress(
    new Command('export').description('write the resources, their specs, problems and events to a file'),
  )
    .requiredOption('--output <file>', 'the file to write, as JSON')
    .action(async ({ output, ...address }: ExportOptions) => {
      const answer = await askNode(addressOf(address), 'resources.export', { timeout: TIMEOUT_MS })
      const document = exportAnswer.parse(answer)
      const path = resolve(output)
      const text = `${JSON.stringify(document, null, 2)}\n`
      writeOwnFiles(dirname(path), [{ name: basename(path), text, isOurs }])
      const { resources, events } = document
      process.stdout.write(`${output}: ${resources.length} resources, ${events.length} events\n`)
    })
}

/** An earlier export may be replaced, and nothing else. */
function isOurs(text: string): boolean {
  try {
    return exportAnswer.safeParse(JSON.parse(text)).success
  } catch {
    return false
  }
}
