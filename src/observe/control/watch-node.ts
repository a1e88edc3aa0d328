import { connect } from 'node:net'
import { type ErrorRecord, ExovisorError, fromErrorRecord } from '../../errors.ts'
import { type NodeAddress, notRunning, socketOf } from './ask-node.ts'
import { readLines } from './line-reader.ts'
import { controlAnswer, MAX_ANSWER_CHARACTERS } from './protocol.ts'

/** How a stream of a node is read. */
export interface WatchOptions {
  readonly params?: Readonly<Record<string, unknown>>
  /** Ends the stream. */
  readonly signal: AbortSignal
  readonly onMessage: (message: unknown) => void
}

/**
 * Opens a stream of the node that is meant, and reads it until the signal ends it.
 *
 * @throws EXO_NODE_NOT_RUNNING when there is none, or when it ends; EXO_USAGE when several fit; what the node answers with
 */
export async function watchNode(
  address: NodeAddress,
  method: string,
  { params, signal, onMessage }: WatchOptions,
): Promise<void> {
  const path = await socketOf(address)
  if (signal.aborted) return
  await new Promise<void>((resolve, reject) => {
    const socket = connect(path)
    const end = (): void => {
      signal.removeEventListener('abort', stop)
      socket.destroy()
    }
    const stop = (): void => {
      end()
      resolve()
    }
    const fail = (error: unknown): void => {
      end()
      reject(error)
    }
    signal.addEventListener('abort', stop, { once: true })
    socket.on('error', error => fail(notRunning(`nobody behind ${path} `, error)))
    socket.on('close', () => fail(notRunning('the node has ended: nobody ')))
    readLines(socket, MAX_ANSWER_CHARACTERS, {
      line: text => {
        if (signal.aborted) return
        try {
          onMessage(messageIn(text))
        } catch (error) {
          fail(error)
        }
      },
      tooLong: () => fail(new ExovisorError('EXO_REQUEST_INVALID', `a message of ${path} is too long`)),
    })
    socket.write(`${JSON.stringify({ id: 1, method, ...(params && { params }) })}\n`)
  })
}

function messageIn(text: string): unknown {
  let answer: ReturnType<typeof controlAnswer.parse>
  try {
    answer = controlAnswer.parse(JSON.parse(text))
  } catch (cause) {
    throw new ExovisorError('EXO_REQUEST_INVALID', 'the answer of the node is no answer', { cause })
  }
  if (answer.error) throw fromErrorRecord(answer.error as ErrorRecord)
  return answer.message
}
