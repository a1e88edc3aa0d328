import { chmodSync, existsSync, mkdirSync, mkdtempSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../../src/errors.ts'
import { askNode } from '../../../src/observe/control/ask-node.ts'
import { type ControlInput, controlServer } from '../../../src/observe/control/control-server.ts'
import { controlDirectory, controlSocket } from '../../../src/observe/control/socket-path.ts'
import { createResource } from '../../../src/resources/create.ts'

let stopped = 0

const handlers: ControlInput['handlers'] = {
  'names.stop': () => {
    stopped += 1
  },
  'names.repeat': ({ name }) => [name, name],
  'names.list': () => ['attic', 'cellar'],
  'names.fail': () => {
    throw new ExovisorError('EXO_CHILD_UNKNOWN', 'no child "attic"')
  },
}

const fresh = () => mkdtempSync(join(tmpdir(), 'exovisor-control-'))
const pathIn = (directory: string, name: string, id = 'abcdef0123456789') =>
  controlSocket(directory, { name, id })

async function opened(path: string) {
  const server = createResource(controlServer, { input: { path, handlers } })
  await server.initialize()
  return server
}

/** Sends one line as it is and gives the first line that comes back. */
function raw(path: string, line: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path).on('error', reject)
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (!text.includes('\n')) return
      socket.destroy()
      resolve(JSON.parse(text))
    })
    socket.write(line)
  })
}

describe('the control socket of a node', () => {
  it('answers a command that finds it by itself, by the name of the node, or by its path', async () => {
    const directory = fresh()
    const path = pathIn(directory, 'attic')
    await using _ = await opened(path)
    const names = ['attic', 'cellar']
    expect(await askNode({ directory }, 'names.list')).toEqual(names)
    expect(await askNode({ directory, node: 'attic' }, 'names.list')).toEqual(names)
    expect(await askNode({ directory, node: 'attic.abcdef01' }, 'names.list')).toEqual(names)
    expect(await askNode({ directory: '', socket: path }, 'names.list')).toEqual(names)
  })

  it('gives the node what a command says beside the name of the method', async () => {
    const path = pathIn(fresh(), 'attic')
    await using _ = await opened(path)
    const asked = askNode({ directory: '', socket: path }, 'names.repeat', { params: { name: 'attic' } })
    expect(await asked).toEqual(['attic', 'attic'])
  })

  it('gives the error of the node to the command, by its code', async () => {
    const path = pathIn(fresh(), 'attic')
    await using _ = await opened(path)
    await expect(askNode({ directory: '', socket: path }, 'names.fail')).rejects.toMatchObject({
      code: 'EXO_CHILD_UNKNOWN',
      message: 'no child "attic"',
    })
    await expect(askNode({ directory: '', socket: path }, 'names.drop')).rejects.toMatchObject({
      code: 'EXO_REQUEST_INVALID',
      message:
        'there is no method "names.drop", expected one of names.stop, names.repeat, names.list, names.fail',
    })
    await expect(askNode({ directory: '', socket: path }, 'toString')).rejects.toMatchObject({
      code: 'EXO_REQUEST_INVALID',
    })
  })

  it('may be opened by its own user alone, and is gone when the node has ended', async () => {
    const path = pathIn(join(fresh(), 'below'), 'attic')
    const server = await opened(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
    await server.close()
    expect(existsSync(path)).toBe(false)
  })

  it('is not opened in a directory that others may write', async () => {
    const directory = join(fresh(), 'open')
    mkdirSync(directory)
    chmodSync(directory, 0o777)
    await expect(opened(pathIn(directory, 'attic'))).rejects.toMatchObject({
      code: 'EXO_CONFIG_INVALID',
      message: expect.stringContaining('can be written by other users'),
    })
  })

  it.each([
    ['no JSON', '{oops\n'],
    ['no method', '{"id":1}\n'],
    ['a field that it does not know', '{"id":1,"method":"names.list","sudo":true}\n'],
  ])('refuses a line with %s, and says what it expects', async (_, line) => {
    const path = pathIn(fresh(), 'attic')
    await using server = await opened(path)
    expect(await raw(path, line)).toEqual({
      id: 0,
      error: { code: 'EXO_REQUEST_INVALID', message: expect.stringContaining('expected { "id": 1') },
    })
    expect(server.state).toBe('READY')
  })

  it('reads no line without an end', async () => {
    const path = pathIn(fresh(), 'attic')
    await using _ = await opened(path)
    expect(await raw(path, 'x'.repeat(70_000))).toMatchObject({ error: { code: 'EXO_REQUEST_INVALID' } })
  })
})

describe('a command that looks for a node', () => {
  it('says that none runs', async () => {
    await expect(askNode({ directory: fresh() }, 'names.list')).rejects.toMatchObject({
      code: 'EXO_NODE_NOT_RUNNING',
      message: 'no node answers on this machine',
    })
    await expect(askNode({ directory: '/nowhere', node: 'attic' }, 'names.list')).rejects.toMatchObject({
      code: 'EXO_NODE_NOT_RUNNING',
      message: 'no node "attic" answers on this machine',
    })
  })

  it('asks which one is meant when several run', async () => {
    const directory = fresh()
    await using _ = await opened(pathIn(directory, 'attic'))
    await using __ = await opened(pathIn(directory, 'cellar', '0123456789'))
    await expect(askNode({ directory }, 'names.list')).rejects.toMatchObject({
      code: 'EXO_USAGE',
      message: 'several nodes run here, expected --node with one of: attic.abcdef01, cellar.01234567',
    })
  })

  it('commands none of several, and hears the error of the one that is left', async () => {
    const directory = fresh()
    await leaveBehind(pathIn(directory, 'loft', 'dead0000'))
    await using _ = await opened(pathIn(directory, 'attic'))
    await expect(askNode({ directory }, 'names.fail')).rejects.toMatchObject({ code: 'EXO_CHILD_UNKNOWN' })
    await leaveBehind(pathIn(directory, 'loft', 'dead0000'))
    await expect(askNode({ directory }, 'names.fail')).rejects.toMatchObject({ code: 'EXO_CHILD_UNKNOWN' })
    await using __ = await opened(pathIn(directory, 'cellar', '0123456789'))
    stopped = 0
    await expect(askNode({ directory }, 'names.stop')).rejects.toMatchObject({ code: 'EXO_USAGE' })
    expect(stopped).toBe(0)
  })

  it('passes over the socket of a node that was killed, and takes it away', async () => {
    const directory = fresh()
    const dead = pathIn(directory, 'attic', 'dead0000')
    await leaveBehind(dead)
    await using _ = await opened(pathIn(directory, 'attic'))
    expect(await askNode({ directory, node: 'attic' }, 'names.list')).toEqual(['attic', 'cellar'])
    expect(existsSync(dead)).toBe(false)
  })

  it('looks in the runtime directory of the user, where there is one', () => {
    expect(controlDirectory({ XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/exovisor')
    expect(controlDirectory({})).toMatch(/exovisor-\d+$/)
  })

  it('finds a path short enough for a socket, whatever the node is called', () => {
    const path = controlSocket('/run/user/1000/exovisor', {
      name: `über/..\n${'x'.repeat(64)}`,
      id: 'abcdef0123456789',
    })
    expect(path).toMatch(/^\/run\/user\/1000\/exovisor\/_ber____x{32}\.abcdef01\.sock$/)
  })
})

/** A socket file that nobody listens on, as a killed process leaves it. */
async function leaveBehind(path: string): Promise<void> {
  const { renameSync } = await import('node:fs')
  const server = createServer()
  await new Promise<void>(resolve => server.listen(`${path}.open`, resolve))
  renameSync(`${path}.open`, path)
  await new Promise(resolve => server.close(resolve))
}
