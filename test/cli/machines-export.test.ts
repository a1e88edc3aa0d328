import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type AnyStateMachine, createMachine } from 'xstate'
import { machines } from '../../machines/index.ts'
import { machinesCommand } from '../../src/cli/machines.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'exovisor-export-'))
  folders.push(path)
  return path
}

async function output(...args: string[]): Promise<string> {
  let text = ''
  const command = machinesCommand()
  for (const each of [command, ...command.commands])
    each.exitOverride().configureOutput({
      writeOut: part => {
        text += part
      },
      writeErr: () => undefined,
    })
  await command.parseAsync(['export', ...args], { from: 'user' })
  return text
}

/** Runs the source text as a module: what it exports, by name. */
function evaluated(source: string): Readonly<Record<string, AnyStateMachine>> {
  const body = source
    .replace(/^import \{ createMachine \} from 'xstate'$/m, '')
    .replaceAll(/^export const (\w+) = /gm, 'made.$1 = ')
  const made = {}
  new Function('createMachine', 'made', body)(createMachine, made)
  return made
}

/** Everything that a picture shows of a machine, with the names of guards and actions. */
function picture(node: AnyStateMachine['root']): unknown {
  return {
    id: node.id,
    type: node.type,
    description: node.description,
    meta: node.meta,
    tags: node.tags,
    entry: node.entry,
    exit: node.exit,
    initial: node.initial?.target.map(({ id }) => id),
    transitions: [...node.transitions].map(([event, ways]) => [
      event,
      ways.map(({ target, guard, actions, description, reenter }) => ({
        target: target?.map(({ id }) => id),
        guard,
        actions,
        description,
        reenter,
      })),
    ]),
    states: Object.entries(node.states).map(([name, state]) => [name, picture(state)]),
  }
}

/** The paths of all functions in a value: what JSON would lose. */
function functionsIn(value: unknown, path = ''): string[] {
  if (typeof value === 'function') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, part]) => functionsIn(part, `${path}.${key}`))
}

describe('exovisor machines export', () => {
  it.each(Object.entries(machines))(
    'writes %s so that the same machine can be made from it',
    async (name, machine) => {
      const made = evaluated(await output(name))[name]
      expect(made?.config).toEqual(machine.config)
      expect(picture(made!.root)).toEqual(picture(machine.root))
      expect(functionsIn(machine.config)).toEqual([])
    },
  )

  it('writes all machines as one text that runs, or those that are named, each once', async () => {
    expect(Object.keys(evaluated(await output()))).toEqual(Object.keys(machines))
    expect(Object.keys(evaluated(await output('pool', 'peer', 'pool')))).toEqual(['pool', 'peer'])
  })

  it('writes JSON for programs as one object by name', async () => {
    const all = JSON.parse(await output('--format', 'json'))
    expect(Object.keys(all)).toEqual(Object.keys(machines))
    expect(JSON.parse(await output('peer', '--format', 'json'))).toEqual({ peer: machines['peer']?.config })
  })

  it('writes one Mermaid diagram as it is, and several as Markdown', async () => {
    expect(await output('peer', '--format', 'mermaid')).toMatch(/^stateDiagram-v2\n/)
    const text = await output('peer', 'pool', '--format', 'mermaid')
    expect(text.match(/^## \w+$/gm)).toEqual(['## peer', '## pool'])
    expect(text.match(/^```mermaid\nstateDiagram-v2\n/gm)).toHaveLength(2)
  })

  it.each([
    ['stately', 'ts'],
    ['mermaid', 'mmd'],
    ['json', 'json'],
  ])('writes one file for each machine as %s, and replaces them the next time', async (format, suffix) => {
    const directory = join(folder(), 'new', 'deep')
    const names = Object.keys(machines).map(name => `${name}.${suffix}`)
    const said = await output('--format', format, '--output', directory)
    expect(said.trimEnd().split('\n')).toEqual(names.map(name => join(directory, name)))
    expect(readdirSync(directory).sort()).toEqual([...names].sort())
    const first = readFileSync(join(directory, `pool.${suffix}`), 'utf8')
    await output('--format', format, '--output', directory)
    expect(readFileSync(join(directory, `pool.${suffix}`), 'utf8')).toBe(first)
    expect(readdirSync(directory)).toHaveLength(names.length)
  })

  it.each([
    ['stately', 'pool.ts'],
    ['mermaid', 'pool.mmd'],
    ['json', 'pool.json'],
  ])('leaves a foreign file alone and writes none then, as %s', async (format, foreign) => {
    const directory = folder()
    writeFileSync(join(directory, foreign), '{ "mine": true }')
    await expect(output('--format', format, '--output', directory)).rejects.toMatchObject({
      code: 'EXO_USAGE',
      message: expect.stringContaining(`${foreign} was written by somebody else`),
    })
    expect(readdirSync(directory)).toEqual([foreign])
    expect(readFileSync(join(directory, foreign), 'utf8')).toBe('{ "mine": true }')
  })

  it('leaves nothing half written behind when the last file has no place', async () => {
    const directory = folder()
    const blocked = join(directory, `pool.ts.${process.pid}.part`)
    mkdirSync(blocked)
    await expect(output('peer', 'pool', '--output', directory)).rejects.toMatchObject({ code: 'EXO_USAGE' })
    expect(readdirSync(directory)).toEqual([`pool.ts.${process.pid}.part`])
  })

  it('refuses a directory that is a file', async () => {
    const path = join(folder(), 'taken')
    writeFileSync(path, '')
    await expect(output('--output', path)).rejects.toMatchObject({
      code: 'EXO_USAGE',
      message: expect.stringContaining(path),
    })
  })

  it('refuses an unknown name with the nearest one, and an unknown format', async () => {
    await expect(output('pear')).rejects.toMatchObject({
      message: expect.stringContaining('did you mean peer?'),
    })
    await expect(output('--format', 'svg')).rejects.toThrow(/Allowed choices are stately, mermaid, json/)
  })
})
