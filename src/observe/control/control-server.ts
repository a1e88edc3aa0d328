import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { lifecycle } from '../../../machines/lifecycle.ts'
import { ExovisorError } from '../../errors.ts'
import { defineResource } from '../../resources/define.ts'
import { type ControlMethods, serveCommand } from './control-connection.ts'

/** Commands are few and short; more than this at a time is a mistake. */
const MAX_CONNECTIONS = 16

export interface ControlInput extends ControlMethods {
  /** The path of the socket, or on Windows of the pipe. Its directory is made if it is not there. */
  readonly path: string
}

/** The control socket while it is open. */
export interface ControlClient {
  readonly path: string
  readonly listening: boolean
}

interface OpenSocket extends ControlClient {
  close(): Promise<void>
}

/**
 * The control socket of a node: commands on the same machine, of the same user, ask it what they show. Its directory may be entered by
 * that user alone, so whoever can open the socket may be answered.
 *
 * @throws EXO_CONFIG_INVALID when the directory belongs to somebody else or others may enter it
 */
export const controlServer = defineResource<ControlInput, ControlClient>({
  kind: 'control',
  machine: lifecycle,
  initialize: ({ input }) => listen(input),
  async checkHealth(client) {
    if (!client.listening)
      throw new ExovisorError('EXO_HEALTH_CHECK_FAILED', `${client.path} does not listen any more`)
  },
  async cleanup(client) {
    await (client as OpenSocket | undefined)?.close()
  },
  displayName: ({ path }) => `control socket ${path}`,
})

async function listen({ path, ...methods }: ControlInput): Promise<OpenSocket> {
  const isFile = process.platform !== 'win32'
  if (isFile) ownDirectory(dirname(path))
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A command that has gone away is no fault of the node.
    socket.on('error', () => socket.destroy())
    serveCommand(socket, methods)
  })
  server.maxConnections = MAX_CONNECTIONS
  // What is there is of a process that was killed: a node of the same id does not run twice.
  if (isFile) rmSync(path, { force: true })
  await listening(server, path)
  if (isFile) chmodSync(path, 0o600)
  // A forced end runs no cleanup, and still leaves no file.
  const remove = (): void => (isFile ? rmSync(path, { force: true }) : undefined)
  process.once('exit', remove)
  return {
    path,
    get listening() {
      return server.listening
    },
    close: () =>
      new Promise<void>(resolve => {
        process.off('exit', remove)
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** In a directory for all, such as /tmp, somebody else may have made one of our name before us. */
function ownDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(directory)
  const isOwn = uid === userInfo().uid && (mode & 0o022) === 0
  if (isOwn) return
  throw new ExovisorError(
    'EXO_CONFIG_INVALID',
    `control.socket: the directory ${JSON.stringify(directory)} can be written by other users, expected one of this user alone`,
    { details: { directory } },
  )
}
