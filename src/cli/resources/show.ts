import { Command } from 'commander'
import type { LifecycleState } from '../../../machines/lifecycle.ts'
import { type ListAnswer, listAnswer } from '../../observe/control/resource-answers.ts'
import { writeJsonLine } from '../json-lines.ts'
import { type AddressOptions, withAddress } from '../node-address.ts'
import type { Paper } from '../table.ts'
import { listTable } from './list-table.ts'
import { json, stateOption, watch } from './options.ts'
import { treeOf, treeTable } from './tree-table.ts'
import { asked, paperOf, redrawing, watched } from './watch.ts'

interface ShowOptions extends AddressOptions {
  readonly kind?: string
  readonly state?: LifecycleState
  readonly watch?: true
  readonly json?: true
}

/** `exovisor resources list`. With `--json` one line: see `schemas/list.schema.json`. */
export function listCommand(): Command {
  return withAddress(
    new Command('list').description('list the resources with state, incarnation, restarts and last error'),
  )
    .option('--kind <kind>', 'only resources of this kind')
    .option('--state <state>', 'only resources in this state', stateOption)
    .option(...watch)
    .option(...json)
    .action((options: ShowOptions) => show(options, listTable, answer => answer))
}

/** `exovisor resources tree`. With `--json` one line: see `schemas/tree.schema.json`. */
export function treeCommand(): Command {
  return withAddress(
    new Command('tree').description('show the supervision tree with the state of each resource'),
  )
    .option(...watch)
    .option(...json)
    .action((options: ShowOptions) =>
      show(options, (answer, now, paper) => treeTable(treeOf(answer), now, paper), treeOf),
    )
}

async function show(
  { kind, state, watch: isWatched, json: asJson, ...address }: ShowOptions,
  picture: (answer: ListAnswer, now: number, paper: Paper) => string,
  document: (answer: ListAnswer) => unknown,
): Promise<void> {
  const question = {
    address,
    method: 'resources.list',
    params: { ...(kind !== undefined && { kind }), ...(state !== undefined && { state }) },
    parse: (answer: unknown) => listAnswer.parse(answer),
  }
  const draw = redrawing()
  const shown = (answer: ListAnswer): void => {
    if (asJson) writeJsonLine(process.stdout, document(answer))
    else draw(picture(answer, Date.now(), paperOf()))
  }
  if (isWatched) await watched(question, shown)
  else {
    const answer = await asked(question)
    if (asJson) shown(answer)
    else process.stdout.write(picture(answer, Date.now(), paperOf()))
  }
}
