import { incurableCodes } from '../errors.ts'
import { holdsInChain, textOf } from './cause-chain.ts'

/** A path that is not there, is of the wrong kind, or may not be used. */
const pathCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM'])

/**
 * The system calls that need a path to be there. Not `connect`, `bind` and `listen`: the other end of a socket may come up later. Not
 * `unlink`, `rename` and the like: they fail when somebody else was faster.
 */
const pathCalls: ReadonlySet<string> = new Set([
  'access',
  'copyfile',
  'lstat',
  'mkdir',
  'mkdtemp',
  'open',
  'opendir',
  'read',
  'readlink',
  'realpath',
  'scandir',
  'stat',
  'statfs',
  'watch',
])

/** A module that cannot be found. */
const moduleCodes: ReadonlySet<string> = new Set([
  'ERR_MODULE_NOT_FOUND',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'MODULE_NOT_FOUND',
])

function isPathFault(error: unknown, code: string): boolean {
  if (!pathCodes.has(code)) return false
  // The call of a program that cannot be started is `spawn` and its path.
  const call = textOf(error, 'syscall')?.split(' ')[0] ?? ''
  return call === 'spawn' || pathCalls.has(call)
}

function isIncurableItself(error: unknown): boolean {
  const code = textOf(error, 'code')
  if (code === undefined) return false
  return incurableCodes.has(code) || moduleCodes.has(code) || isPathFault(error, code)
}

/**
 * True for a fault that no restart cures, because what it comes from stays as it is until somebody changes it: a wrong configuration or
 * spec, a model or module that is missing or broken, a path that is missing or forbidden. The causes of the error count as well.
 *
 * A SyntaxError is not among them: nothing on it tells a broken module, which stays broken, from a broken answer of a peer, which does
 * not. Where it should be, `decide` says so.
 */
export function isIncurable(error: unknown): boolean {
  return holdsInChain(error, isIncurableItself)
}
