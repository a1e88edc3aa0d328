import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const readme = readFileSync(resolve(root, 'src/concurrency/README.md'), 'utf8')
const examples = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(match => match[1] ?? '')

/** Runs a piece of TypeScript as a module of the package, in a process of its own. */
const run = (code: string) =>
  promisify(execFile)(
    process.execPath,
    ['--conditions=source', '--no-warnings', '--input-type=module-typescript', '-e', code],
    { cwd: root },
  )

describe('the examples of the room’s README', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3)
  })

  it.each(examples.map((code, index) => [index + 1, code] as const))('run: number %d', async (_, code) => {
    await run(code)
  })

  it('would be caught if they did not: an assertion that fails ends the process with an error', async () => {
    await expect(run("import assert from 'node:assert/strict'\nassert.equal(1, 2)")).rejects.toThrow()
  })
})
