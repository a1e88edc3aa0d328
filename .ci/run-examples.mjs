// Runs each example as a user would, and fails with the first that does not end well.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const files = readdirSync('examples').flatMap(name =>
  name.endsWith('.ts')
    ? [`examples/${name}`]
    : existsSync(`examples/${name}/main.ts`)
      ? [`examples/${name}/main.ts`]
      : [],
)
if (files.length < 3) throw new Error(`found ${files.length} examples, expected at least 3`)
for (const file of files) {
  console.log(`\n-- ${file}`)
  const { status, signal } = spawnSync('node_modules/.bin/node', ['--conditions=source', file], {
    stdio: 'inherit',
    timeout: 120_000,
  })
  if (status !== 0) throw new Error(`${file} ended with ${signal ?? `code ${status}`}`)
}
