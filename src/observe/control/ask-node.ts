import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { realClock } from '../../concurrency/clock.ts'
import { watchLimits } from '../../concurrency/wait.ts'
import { type ErrorRecord, ExovisorError, fromErrorRecord } from '../../errors.ts'
import { readLines } from './line-reader.ts'
import { controlAnswer, MAX_ANSWER_CHARACTERS } from './protocol.ts'
import { controlSocketsIn } from './socket-path.ts'

const ANSWER_TIMEOUT_MS = 5_000

/** A node to ask: by the path of its socket, or by its name among those in a directory. */
export interface NodeAddress {
  readonly directory: string
  /** The path of a control socket; then nothing is looked up. */
  readonly socket?: string
  /** A name, or `name.id`. Needed only when several nodes run. */
  readonly node?: string
}

/** How a node is asked. */
export interface AskOptions {
  readonly params?: Readonly<Record<string, unknown>>
  /** Milliseconds until the node counts as not answering. Default: 5 s. */
  readonly timeout?: number
}

/**
 * Finds the control socket of the node that is meant, and asks it. No other node hears of the question.
 *
 * @throws EXO_NODE_NOT_RUNNING when there is none; EXO_USAGE when several fit; what the node answers with
 */
export async function askNode(
  address: NodeAddress,
  method: string,
  { params, timeout = ANSWER_TIMEOUT_MS }: AskOptions = {},
): Promise<unknown> {
  const request = { id: 1, method, ...(params && { params }) }
  return ask(await socketOf(address), request, timeout)
}

/**
 * The path of the control socket of the node that is meant.
 *
 * @throws EXO_NODE_NOT_RUNNING when there is none; EXO_USAGE when several fit
 */
export async function socketOf(address: NodeAddress): Promise<string> {
  if (address.socket !== undefined) return address.socket
  const candidates = candidatesOf(address)
  const [only, ...others] = candidates
  if (only && others.length === 0) return only[1]
  if (!only)
    throw notRunning(`no node ${address.node === undefined ? '' : `${JSON.stringify(address.node)} `}`)
  // Sockets of nodes that were killed are left behind: what counts is who listens.
  const found = await Promise.all(
    candidates.map(async ([name, path]) => ({ name, path, listens: await listens(path) })),
  )
  const alive = found.filter(each => each.listens)
  if (alive.length > 1)
    throw new ExovisorError(
      'EXO_USAGE',
      `several nodes run here, expected --node with one of: ${alive.map(({ name }) => name).join(', ')}`,
    )
  if (!alive[0]) throw notRunning('no node ')
  return alive[0].path
}

function candidatesOf({ directory, node }: NodeAddress): readonly (readonly [string, string])[] {
  const all = [...controlSocketsIn(directory)]
  if (node === undefined) return all
  return all.filter(([name]) => name === node || name.slice(0, name.lastIndexOf('.')) === node)
}

/** Nobody is there who answers. */
export const notRunning = (who: string, cause?: unknown): ExovisorError =>
  new ExovisorError('EXO_NODE_NOT_RUNNING', `${who}answers on this machine`, { cause })

/** A process that was killed has left its socket behind. */
function forgetDead(path: string, error: NodeJS.ErrnoException): void {
  if (error.code === 'ECONNREFUSED') rmSync(path, { force: true })
}

/** Whether somebody listens there. */
function listens(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      forgetDead(path, error)
      resolve(false)
    })
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** Sends one request to the socket of a path and waits for its answer. */
function ask(path: string, request: object, timeout: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const stop = watchLimits(
      realClock,
      { timeout },
      {
        timeout: () => fail(notRunning(`nobody behind ${path} `)),
        abort: () => undefined,
      },
    )
    const fail = (error: unknown): void => {
      stop()
      socket.destroy()
      reject(error)
    }
    socket.on('error', (error: NodeJS.ErrnoException) => {
      forgetDead(path, error)
      fail(notRunning(`nobody behind ${path} `, error))
    })
    socket.on('close', () => fail(notRunning(`nobody behind ${path} `)))
    readLines(socket, MAX_ANSWER_CHARACTERS, {
      line: text => {
        stop()
        socket.removeAllListeners('close').destroy()
        settle(text, resolve, reject)
      },
      tooLong: () => fail(new ExovisorError('EXO_REQUEST_INVALID', `an answer of ${path} is too long`)),
    })
    socket.write(`${JSON.stringify(request)}\n`)
  })
}

function settle(text: string, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  try {
    const { result, error } = controlAnswer.parse(JSON.parse(text))
    if (error) reject(fromErrorRecord(error as ErrorRecord))
    else resolve(result)
  } catch (cause) {
    reject(new ExovisorError('EXO_REQUEST_INVALID', 'the answer of the node is no answer', { cause }))
  }
}
