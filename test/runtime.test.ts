import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import * as runtime from '../src/runtime.ts'

/** Imports a module in a process of its own, and prints the address of every module that this loads, CommonJS included. */
const probe = `
  import { registerHooks } from 'node:module'
  const loaded = []
  registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context) } })
  await import(process.argv[1])
  process.stdout.write(JSON.stringify(loaded))
`

async function loadedBy(file: string): Promise<readonly string[]> {
  const address = new URL(file, import.meta.url).href
  const args = [
    '--conditions=source',
    '--experimental-strip-types',
    '--no-warnings',
    '--input-type=module',
    '-e',
    probe,
    address,
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout)
}

const packageOf = (url: string) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1]

describe('exovisor/runtime', () => {
  it('loads xstate and one small package, and neither gRPC nor ONNX Runtime', async () => {
    const loaded = await loadedBy('../src/runtime.ts')
    expect(loaded.some(url => url.endsWith('/src/supervision/core.ts'))).toBe(true)
    const packages = new Set(loaded.map(packageOf).filter(Boolean))
    expect([...packages].sort()).toEqual(['fastest-levenshtein', 'xstate'])
  })

  it('would be caught if it did: the probe sees what a module loads', async () => {
    const loaded = await loadedBy('../src/config/schema.ts')
    expect(loaded.map(packageOf)).toContain('zod')
  })

  it('offers resources, supervisors, clocks and errors', () => {
    expect(Object.keys(runtime)).toEqual(
      expect.arrayContaining([
        'createResource',
        'defineResource',
        'supervise',
        'supervisorResource',
        'VirtualClock',
        'ExovisorError',
      ]),
    )
  })
})
