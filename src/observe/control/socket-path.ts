import { readdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

const SUFFIX = '.sock'

/** A path of a Unix socket holds 107 bytes on Linux and 103 on macOS; the name of a node is cut so that it fits. */
const LONGEST_NAME = 40
const ID_LENGTH = 8

/** Where nodes of this user put their control sockets: a directory that nobody else may enter. */
export function controlDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const runtime = env['XDG_RUNTIME_DIR']
  return runtime === undefined || runtime === ''
    ? join(tmpdir(), `exovisor-${userInfo().uid}`)
    : join(runtime, 'exovisor')
}

/** The control socket of one node: its name for people, the start of its id so that two nodes of one name both have one. */
export function controlSocket(
  directory: string,
  node: { readonly name: string; readonly id: string },
): string {
  const name = node.name.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST_NAME)
  const id = node.id.slice(0, ID_LENGTH)
  return process.platform === 'win32'
    ? `\\\\.\\pipe\\exovisor-${name}.${id}`
    : join(directory, `${name}.${id}${SUFFIX}`)
}

/** The control sockets in a directory, by `name.id`. Those of nodes that were killed may be among them. */
export function controlSocketsIn(directory: string): ReadonlyMap<string, string> {
  try {
    const names = readdirSync(directory).filter(name => name.endsWith(SUFFIX))
    return new Map(names.sort().map(name => [name.slice(0, -SUFFIX.length), join(directory, name)]))
  } catch {
    return new Map()
  }
}
