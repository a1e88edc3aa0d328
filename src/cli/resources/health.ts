import { Command } from 'commander'
import { type HealthAnswer, healthAnswer } from '../../observe/control/resource-answers.ts'
import { exitCodes } from '../exit-codes.ts'
import { writeJsonLine } from '../json-lines.ts'
import { type AddressOptions, withAddress } from '../node-address.ts'
import { healthText } from './health-text.ts'
import { json, spanOption, watch } from './options.ts'
import { asked, paperOf, redrawing, watched } from './watch.ts'

interface HealthOptions extends AddressOptions {
  readonly since?: number
  readonly watch?: true
  readonly json?: true
}

/** `exovisor resources health`. With `--json` one line: see `schemas/health.schema.json`. */
export function healthCommand(): Command {
  return withAddress(
    new Command('health').description(
      'report how the resources are: problems, thresholds and what has happened; exit code 1 if there is a problem',
    ),
  )
    .option(
      '--since <time>',
      'tell also what has happened in this time, like 12h, from the history',
      spanOption,
    )
    .option(...watch)
    .option(...json)
    .action(async ({ since, watch: isWatched, json: asJson, ...address }: HealthOptions) => {
      const question = {
        address,
        method: 'resources.health',
        params: since === undefined ? {} : { since },
        parse: (answer: unknown) => healthAnswer.parse(answer),
      }
      const draw = redrawing()
      const shown = (answer: HealthAnswer): void => {
        if (asJson) writeJsonLine(process.stdout, answer)
        else draw(healthText(answer, paperOf()))
      }
      if (isWatched) return watched(question, shown)
      const answer = await asked(question)
      if (asJson) shown(answer)
      else process.stdout.write(healthText(answer, paperOf()))
      if (!answer.healthy) process.exitCode = exitCodes.failed
    })
}
