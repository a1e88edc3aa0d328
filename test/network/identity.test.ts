import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { loadIdentity } from '../../src/network/identity.ts'
import { Cleanup } from './links.ts'

const cleanup = new Cleanup()
afterEach(() => cleanup.run())

const temporary = async () =>
  cleanup.add(await mkdtemp(join(tmpdir(), 'exovisor-identity-')), path => rm(path, { recursive: true }))

describe('the identity of a node', () => {
  it('is made once and kept, and its incarnation grows with every start', async () => {
    const directory = join(await temporary(), 'deep', 'inside')
    const starts = [
      await loadIdentity(directory),
      await loadIdentity(directory),
      await loadIdentity(directory),
    ]
    expect(starts.map(({ incarnation }) => incarnation)).toEqual([1, 2, 3])
    expect(new Set(starts.map(({ id }) => id)).size).toBe(1)
    expect(starts[0]?.id).toMatch(/^[0-9a-f]{32}$/)
    expect(await readdir(directory)).toEqual(['identity.json'])
  })

  it('is new each time without a directory', async () => {
    const [a, b] = [await loadIdentity(), await loadIdentity()]
    expect(a.incarnation).toBe(1)
    expect(a.id).not.toBe(b.id)
  })

  it('is not taken along when the directory is copied to another machine', async () => {
    const directory = await temporary()
    const here = await loadIdentity(directory, { machine: async () => 'here' })
    const there = await loadIdentity(directory, { machine: async () => 'there' })
    expect(there.id).not.toBe(here.id)
    expect(there.incarnation).toBe(1)
  })

  it('is never replaced in silence: a broken file is an error that names it', async () => {
    const directory = await temporary()
    await loadIdentity(directory)
    const path = join(directory, 'identity.json')
    const good = await readFile(path, 'utf8')
    for (const text of [
      '',
      '{',
      good.replace('"incarnation":1', '"incarnation":0'),
      good.slice(0, -10),
      'x'.repeat(9_999),
    ]) {
      await writeFile(path, text)
      const loaded = loadIdentity(directory)
      await expect(loaded).rejects.toEqual(expect.objectContaining({ code: 'EXO_CONFIG_UNREADABLE' }))
      await expect(loaded).rejects.toThrow(
        `identity file ${path}: ${text.length} characters that are no identity`,
      )
    }
  })

  it('is refused when its directory cannot be one', async () => {
    const file = join(await temporary(), 'file')
    await writeFile(file, '')
    await expect(loadIdentity(file)).rejects.toEqual(
      expect.objectContaining({ code: 'EXO_CONFIG_UNREADABLE' }),
    )
  })
})
