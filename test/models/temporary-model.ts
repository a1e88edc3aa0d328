import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { type TinyOptions, writeTinyLlama } from '../fixtures/make-tiny-llama.ts'

/** An empty directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'exovisor-model-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A tiny model of one's own, to be broken at will. */
export function temporaryModel(options?: TinyOptions): string {
  const directory = temporaryDirectory()
  writeTinyLlama(directory, options)
  return directory
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** A copy with the fields at these dotted paths replaced; undefined takes a field out. */
export function changed(
  content: unknown,
  changes: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const copy: unknown = structuredClone(content)
  if (!isObject(copy)) throw new Error('expected an object')
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split('.')
    const last = names.pop() ?? ''
    let holder = copy
    for (const name of names) {
      const inner = holder[name]
      if (!isObject(inner)) throw new Error(`nothing at ${path}`)
      holder = inner
    }
    if (value === undefined) delete holder[last]
    else holder[last] = value
  }
  return copy
}

/** Changes a JSON file of a model. */
export function editJson(directory: string, name: string, changes: Readonly<Record<string, unknown>>): void {
  const path = join(directory, name)
  writeFileSync(path, JSON.stringify(changed(JSON.parse(readFileSync(path, 'utf8')), changes)))
}

/** The error that this gives, which must be one of the catalogue. */
export async function faultOf(run: Promise<unknown> | (() => unknown)): Promise<ExovisorError> {
  try {
    await (typeof run === 'function' ? run() : run)
  } catch (error) {
    if (error instanceof ExovisorError) return error
    throw error
  }
  throw new Error('expected an error')
}
