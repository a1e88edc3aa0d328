import { Command } from 'commander'
import { type EventsAnswer, eventsAnswer } from '../../observe/control/resource-answers.ts'
import { writeJsonLine } from '../json-lines.ts'
import { type AddressOptions, withAddress } from '../node-address.ts'
import { wholeOption } from '../number-option.ts'
import { eventLine } from './event-lines.ts'
import { json, spanOption } from './options.ts'
import { asked, paperOf, watched } from './watch.ts'

interface EventsOptions extends AddressOptions {
  readonly name?: string
  readonly since?: number
  readonly limit: string | number
  readonly watch?: true
  readonly json?: true
}

const limitOption = wholeOption(1, 100_000)

/**
 * `exovisor resources events`. With `--json` one line: see `schemas/events.schema.json`; with `--watch` too one line for each event: see
 * `schemas/event.schema.json`.
 */
export function eventsCommand(): Command {
  return withAddress(new Command('events').description('show the last events of the supervisors'))
    .option('--name <name>', 'only events of this resource')
    .option('--since <time>', 'the events of this time, like 12h, from the history', spanOption)
    .option('--limit <count>', 'how many events at most', (text: string) => limitOption(text), '50' as never)
    .option('--watch', 'go on, and show each new event')
    .option(...json)
    .action(async ({ name, since, limit, watch: isWatched, json: asJson, ...address }: EventsOptions) => {
      const params = {
        ...(name !== undefined && { name }),
        ...(since !== undefined && { since }),
        limit: Number(limit),
      }
      const parse = (answer: unknown): EventsAnswer => eventsAnswer.parse(answer)
      const question = { address, method: 'resources.events', params, parse }
      const show = ({ events }: EventsAnswer): void => {
        const paper = paperOf()
        for (const event of events) {
          if (asJson) writeJsonLine(process.stdout, event)
          else process.stdout.write(`${eventLine(event, paper)}\n`)
        }
      }
      if (isWatched) return watched(question, show)
      const answer = await asked(question)
      if (asJson) writeJsonLine(process.stdout, answer)
      else if (answer.events.length > 0) show(answer)
      else process.stdout.write('no such events\n')
    })
}
