import { existsSync, writeFileSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadModel } from '../../src/models/load.ts'
import { resolveModel } from '../../src/models/resolve.ts'
import { faultOf, temporaryDirectory } from './temporary-model.ts'

const builtin = fileURLToPath(new URL('../../src/models/builtin', import.meta.url))

describe('resolveModel', () => {
  it('finds the model of the package under the name builtin', async () => {
    const found = existsSync(builtin) ? await resolveModel('builtin') : builtin
    expect(found).toBe(builtin)
    if (existsSync(join(builtin, 'config.json'))) expect((await loadModel('builtin')).name).toBe('builtin')
  })

  it('takes the path of a directory, absolute or relative', async () => {
    const directory = temporaryDirectory()
    expect(await resolveModel(directory)).toBe(directory)
    expect(await resolveModel(relative(process.cwd(), directory))).toBe(directory)
    expect(isAbsolute(await resolveModel('.'))).toBe(true)
  })

  it('says what it looked for where there is nothing, and what would do', async () => {
    const missing = join(temporaryDirectory(), 'none')
    const fault = await faultOf(resolveModel(missing))
    expect(fault.code).toBe('EXO_MODEL_NOT_FOUND')
    expect(fault.message).toContain(`there is nothing at ${missing}`)
    expect(fault.message).toContain('expected builtin, or the path of a directory with config.json')
  })

  it('takes a name close to builtin for a slip', async () => {
    expect((await faultOf(resolveModel('bulitin'))).message).toContain('did you mean builtin?')
  })

  it('refuses a file', async () => {
    const file = join(temporaryDirectory(), 'model.gguf')
    writeFileSync(file, 'x')
    const fault = await faultOf(resolveModel(file))
    expect(fault).toMatchObject({ code: 'EXO_MODEL_NOT_FOUND' })
    expect(fault.message).toContain(`not a directory: ${file}`)
  })
})
