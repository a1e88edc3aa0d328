/**
 * Writes the JSON Schemas of what `exovisor resources ... --json` gives. With --check it writes nothing, and fails when one is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { resourceDocuments } from '../src/observe/control/resource-answers.ts'

const directory = 'src/cli/resources/schemas'
const check = process.argv.includes('--check')

const written = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

mkdirSync(directory, { recursive: true })
for (const [name, schema] of Object.entries(resourceDocuments)) {
  const path = join(directory, `${name}.schema.json`)
  const text = `${JSON.stringify(z.toJSONSchema(schema, { io: 'output' }), null, 2)}\n`
  if (!check) writeFileSync(path, text)
  else if (written(path) !== text) {
    console.error(`${path} is stale: run npm run docs`)
    process.exitCode = 1
  }
}
