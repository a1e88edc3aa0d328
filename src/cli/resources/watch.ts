import type { Writable } from 'node:stream'
import { realClock } from '../../concurrency/clock.ts'
import { schedule } from '../../concurrency/timer.ts'
import { type AskOptions, askNode } from '../../observe/control/ask-node.ts'
import { watchedAnswer } from '../../observe/control/resource-answers.ts'
import { exitCodes } from '../exit-codes.ts'
import { onInterrupt } from '../interrupt.ts'
import { type AddressOptions, addressOf } from '../node-address.ts'
import type { Paper } from '../table.ts'

/** Half a second is soon enough for people, and costs a node that has not changed one short answer. */
const ASK_EVERY_MS = 500

/** A question whose answer has a mark. */
export interface Question<Answer> {
  readonly address: AddressOptions
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
  /** Checks the answer. */
  readonly parse: (answer: unknown) => Answer
}

interface Marked<Answer> {
  readonly mark: string
  /** Undefined when it is the same as at the mark. */
  readonly answer: Answer | undefined
}

/** Asks once. */
export async function asked<Answer>(question: Question<Answer>): Promise<Answer> {
  const { answer } = await ask(question, undefined)
  return question.parse(answer)
}

/** Asks and shows again and again, until somebody presses Ctrl+C: the process then exits with 130. */
export async function watched<Answer>(
  question: Question<Answer>,
  show: (answer: Answer) => void,
): Promise<void> {
  const interrupt = onInterrupt()
  let wake = (): void => undefined
  interrupt.signal.addEventListener('abort', () => wake(), { once: true })
  const pause = (): Promise<void> =>
    new Promise(resolve => {
      const cancel = schedule(realClock, ASK_EVERY_MS, resolve)
      wake = () => {
        cancel()
        resolve()
      }
    })
  try {
    let mark: string | undefined
    while (!interrupt.signal.aborted) {
      const got: Marked<Answer> = await ask(question, mark)
      if (interrupt.signal.aborted) break
      mark = got.mark
      if (got.answer !== undefined) show(got.answer)
      if (!interrupt.signal.aborted) await pause()
    }
    const how = await interrupt.asked
    process.exitCode = how === 'SIGINT' ? exitCodes.interrupted : exitCodes.done
  } finally {
    interrupt.dispose()
  }
}

async function ask<Answer>(
  { address, method, params, parse }: Question<Answer>,
  mark: string | undefined,
): Promise<Marked<Answer>> {
  const options: AskOptions = { params: { ...params, ...(mark !== undefined && { mark }) } }
  const got = watchedAnswer.parse(await askNode(addressOf(address), method, options))
  return { mark: got.mark, answer: got.answer === undefined ? undefined : parse(got.answer) }
}

/** What can be shown where the output goes. */
export function paperOf(stream: NodeJS.WriteStream = process.stdout): Paper {
  if (!stream.isTTY) return {}
  return { colour: stream.hasColors(), width: stream.columns }
}

/**
 * Shows a picture in the place of the one before: on a terminal from its top, cut to its height; elsewhere below the one before, after an
 * empty line.
 */
export function redrawing(
  stream: Writable & { readonly isTTY?: boolean; readonly rows?: number } = process.stdout,
) {
  let isFirst = true
  return (picture: string): void => {
    if (stream.isTTY === true) {
      const lines = picture.trimEnd().split('\n')
      const { rows = 24 } = stream
      const shown =
        lines.length < rows ? lines : [...lines.slice(0, rows - 2), `… ${lines.length - rows + 2} more`]
      stream.write(`\u001b[H\u001b[J${shown.join('\n')}\n`)
    } else stream.write(`${isFirst ? '' : '\n'}${picture}`)
    isFirst = false
  }
}
