import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { askNode } from '../../../src/observe/control/ask-node.ts'
import { exovisor, killProcess, killStarted, type Running } from '../exovisor.ts'

const fixture = resolve(import.meta.dirname, '../../fixtures/tiny-llama')
const schemas = resolve(import.meta.dirname, '../../../src/cli/resources/schemas')

/** What the schema that the package publishes says to a document. */
function valid(name: string, document: unknown): unknown {
  const schema = JSON.parse(readFileSync(join(schemas, `${name}.schema.json`), 'utf8'))
  return z.fromJSONSchema(schema).parse(document)
}

const runtime = mkdtempSync(join(tmpdir(), 'exovisor-resources-'))
const env = {
  XDG_RUNTIME_DIR: runtime,
  EXOVISOR_DISCOVERY__UDP__ENABLED: 'false',
  EXOVISOR_NODE__STATE: join(runtime, 'state'),
  EXOVISOR_MONITOR__INTERVAL: '200ms',
  EXOVISOR_MONITOR__RESTARTS: '3',
}
let node: Running

/** Runs `exovisor resources ...` to its end. */
async function resources(...args: readonly string[]) {
  const running = exovisor(['resources', ...args], env)
  const { code } = await running.ended
  return { code, text: running.lines.join('\n'), lines: running.lines, stderr: running.stderr() }
}

async function document<Document = unknown>(name: string, ...args: readonly string[]): Promise<Document> {
  const { text, stderr } = await resources(...args, '--json')
  expect(stderr).toBe('')
  return valid(name, JSON.parse(text)) as Document
}

interface Row {
  readonly path: string
  readonly kind: string
  readonly state: string
  readonly incarnation: number
}
const list = async (...args: readonly string[]): Promise<readonly Row[]> =>
  (await document<{ resources: readonly Row[] }>('list', 'list', ...args)).resources

beforeAll(async () => {
  node = exovisor(['up', '--json', '--name', 'attic', '--model', fixture, '--port', '0'], env)
  await node.line(value => value['type'] === 'ready')
})

afterAll(killStarted)

describe('exovisor resources', () => {
  it('lists what there is, all of it, of a kind, in a state', async () => {
    const all = await list()
    const paths = all.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining([
        'node',
        'node/server',
        'node/peers',
        'node/inference',
        'node/monitor',
        'node/control',
      ]),
    )
    expect(await list('--kind', 'inference')).toMatchObject([{ path: 'node/inference', state: 'READY' }])
    expect(await list('--state', 'error')).toEqual([])
    const { lines } = await resources('list', '--kind', 'inference')
    expect(lines[0]).toBe('node attic: 1 resource, 1 READY')
    expect(lines[3]).toMatch(/^node\/inference {2}inference {2}READY {2}\d+\.\d s|\d+ s +1 +0$/)
  })

  it('draws the tree', async () => {
    const { tree } = (await document('tree', 'tree')) as {
      tree: readonly { path: string; children: readonly Row[] }[]
    }
    expect(tree.map(({ path }) => path)).toEqual(['node'])
    expect(tree[0]?.children.map(({ path }) => path)).toContain('node/inference')
    expect((await resources('tree')).text).toMatch(/^[├└]─ inference +inference +READY/m)
  })

  it('refuses a state that there is none, and a resource that there is none, naming the nearest', async () => {
    expect(await resources('list', '--state', 'redy')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected one of UNINITIALIZED'),
    })
    const { code, stderr } = await resources('restart', 'inferense')
    expect(code).toBe(1)
    expect(stderr).toContain(
      'there is no resource "inferense", did you mean "inference"? (EXO_CHILD_UNKNOWN)',
    )
    expect((await resources('reset', 'inference', '--kind', 'peer')).stderr).toContain(
      'the resource "inference" is of kind inference, expected kind "peer"',
    )
  })

  it('lets a resource rest and go on, and refuses to do so twice', async () => {
    expect(await document('command', 'suspend', 'node/peers')).toMatchObject({
      suspended: true,
      state: 'READY',
    })
    expect((await resources('suspend', 'peers')).code).toBe(1)
    expect((await resources('resume', 'peers')).text).toBe('node/peers is READY, incarnation 1')
  })

  it('restarts a resource and waits until it is READY; a reset forgets the restarts, which were a problem', async () => {
    expect(await document('command', 'restart', 'peers')).toMatchObject({ incarnation: 2, state: 'READY' })
    const address = { directory: join(runtime, 'exovisor') }
    const params = { command: 'restart', name: 'peers' }
    for (let time = 0; time < 2; time += 1) await askNode(address, 'resources.command', { params })
    const problem = exovisor(['resources', 'health', '--watch', '--json'], env)
    const sick = await problem.line(value => value['healthy'] === false)
    expect(valid('health', sick)).toMatchObject({ problems: [{ type: 'restarts', path: 'node/peers' }] })
    const { code, text } = await resources('health')
    expect(code).toBe(1)
    expect(text).toContain('node attic: 1 problem')
    expect(text).toContain('node/peers  was restarted 3 times within an hour, the threshold is 3')
    expect(await document('command', 'reset', 'peers')).toMatchObject({ incarnation: 5 })
    await problem.line(value => value['healthy'] === true)
    problem.child.kill('SIGINT')
    expect((await problem.ended).code).toBe(130)
  })

  it('shows again what has changed, one document a line, when an engine is killed', async () => {
    const watching = exovisor(['resources', 'list', '--kind', 'inference', '--watch', '--json'], env)
    const events = exovisor(['resources', 'events', '--name', 'inference', '--watch', '--json'], env)
    const rowOf = (value: Record<string, unknown>) => (value['resources'] as readonly Row[])[0]
    const before = rowOf(await watching.line(() => true))?.incarnation ?? 0
    await events.line(value => (value['event'] as { type: string }).type === 'ready')
    const { processes } = (
      (await document('health', 'health')) as { stats: { processes: Record<string, number> } }
    ).stats
    expect(processes).toHaveProperty(['node/inference'])
    killProcess(enginePid(node.child.pid ?? 0))
    const failed = await events.line(value => (value['event'] as { type: string }).type === 'failed')
    expect(valid('event', failed)).toMatchObject({ path: 'node/inference', event: { incarnation: before } })
    await watching.line(value => {
      const row = rowOf(value)
      return row?.state === 'READY' && row.incarnation > before
    })
    for (const running of [watching, events]) {
      running.child.kill('SIGINT')
      expect((await running.ended).code).toBe(130)
    }
    const { events: told } = (await document(
      'events',
      'events',
      '--name',
      'inference',
      '--limit',
      '100',
    )) as {
      events: readonly { event: { type: string } }[]
    }
    const types = told.map(({ event }) => event.type)
    expect(types.indexOf('failed')).toBeLessThan(types.lastIndexOf('restarted'))
    const { text } = await resources('events', '--limit', '1')
    expect(text.split('\n')).toHaveLength(1)
  })

  it('tells from the history what has happened', async () => {
    const { happened, history } = (await document('health', 'health', '--since', '1h')) as {
      happened: {
        starts: number
        restarts: readonly { path: string }[]
        errors: readonly object[]
        downtime: readonly object[]
      }
      history: string
    }
    expect(history).toBe(join(runtime, 'state', 'history.sqlite'))
    expect(happened.starts).toBe(1)
    expect(happened.restarts.map(({ path }) => path)).toContain('node/peers')
    expect(happened.errors).not.toEqual([])
    expect(happened.downtime).toMatchObject([{ path: 'node/inference', outages: 1 }])
  })

  it('tells what has happened before the node was started anew', async () => {
    node.child.kill('SIGTERM')
    await node.ended
    node = exovisor(['up', '--json', '--name', 'attic', '--model', fixture, '--port', '0'], env)
    await node.line(value => value['type'] === 'ready')
    const after = (await document('health', 'health', '--since', '1h')) as {
      happened: { starts: number; crashes: number }
    }
    expect(after.happened).toMatchObject({ starts: 2, crashes: 0 })
    const { text } = await resources('events', '--since', '1h', '--name', 'inference', '--limit', '1000')
    expect(text).toMatch(/failed +node\/inference #/)
  })

  it('exports everything into a file, whole or not at all, and replaces no file but its own', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exovisor-export-'))
    const path = join(directory, 'node.json')
    for (let time = 0; time < 2; time += 1) expect((await resources('export', '--output', path)).code).toBe(0)
    const exported = valid('export', JSON.parse(readFileSync(path, 'utf8'))) as { resources: readonly Row[] }
    expect(exported.resources.find(each => each.path === 'node/inference')).toMatchObject({
      spec: { id: 'inference', kind: 'inference' },
    })
    expect(readFileSync(path, 'utf8')).not.toContain('(hidden)')
    const foreign = join(directory, 'notes.json')
    writeFileSync(foreign, '{}')
    expect((await resources('export', '--output', foreign)).code).toBe(2)
    expect(readFileSync(foreign, 'utf8')).toBe('{}')
    expect(readdirSync(directory).sort()).toEqual(['node.json', 'notes.json'])
  })
})

/** The child of a process that runs an engine. */
function enginePid(parent: number): number {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
  const engine = children.find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine'))
  if (engine === undefined) throw new Error(`process ${parent} runs no engine`)
  return engine
}
