import { Command } from 'commander'
import { isCancellation } from '../concurrency/cancellation.ts'
import { CancelScope } from '../concurrency/scope.ts'
import { parseDuration } from '../config/units.ts'
import { ExovisorError } from '../errors.ts'
import type { NodeAddress } from '../observe/control/ask-node.ts'
import { watchNode } from '../observe/control/watch-node.ts'
import type { ViewMessage } from '../observe/view/messages.ts'
import { onInterrupt } from './interrupt.ts'
import { type AddressOptions, addressOf, withAddress } from './node-address.ts'
import { TopState } from './top-model.ts'
import { plainText, topPicture } from './top-picture.ts'
import { TopScreen } from './top-screen.ts'

interface TopOptions extends AddressOptions {
  readonly interval: string
  readonly once?: boolean
}

const SHORTEST_MS = 100
const LONGEST_MS = 3_600_000

/** For so long a picture that is shown once waits for the figures, which are not measured before somebody looks. */
const FIGURES_MS = 1_500

/**
 * `exovisor top`: the tree of a running node in a terminal, live. Where there is no terminal it prints one picture, as `--once` does.
 *
 * @throws EXO_NODE_NOT_RUNNING, from its action, when there is no node or it ends; EXO_USAGE for an interval that is none
 */
export function topCommand(): Command {
  return withAddress(
    new Command('top').description('show the cluster, the actors and the throughput of a running node, live'),
  )
    .option('--interval <time>', 'the time between two pictures, like 500ms', '1s')
    .option('--once', 'print one picture and end')
    .action(async ({ interval, once = false, ...address }: TopOptions) => {
      const every = intervalOf(interval)
      const isLive = !once && process.stdout.isTTY && process.stdin.isTTY
      await (isLive ? showLive(addressOf(address), every) : showOnce(addressOf(address)))
    })
}

function intervalOf(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds !== undefined && milliseconds >= SHORTEST_MS && milliseconds <= LONGEST_MS)
    return milliseconds
  throw new ExovisorError(
    'EXO_USAGE',
    `--interval is ${JSON.stringify(text)}, expected a time from 100ms to 1h`,
  )
}

async function showLive(address: NodeAddress, every: number): Promise<void> {
  const interrupt = onInterrupt()
  using scope = new CancelScope({ signal: interrupt.signal })
  const state = new TopState()
  const screen = new TopScreen(
    state,
    {
      input: process.stdin,
      output: process.stdout,
      colour: process.stdout.hasColors(),
      now: Date.now,
    },
    () => scope.cancel('asked'),
  )
  const watching = watchNode(address, 'view.watch', {
    signal: scope.signal,
    onMessage: message => {
      const wasComplete = state.isComplete
      state.take(message as ViewMessage)
      // The first message says that there is a node: before, an error belongs on the screen as it is.
      screen.open()
      if (state.isComplete && !wasComplete) screen.draw()
    },
  })
  try {
    const over = watching.finally(() => scope.cancel('over'))
    await Promise.all([over, drawAgain(scope, screen, every)])
  } finally {
    screen.close()
    interrupt.dispose()
  }
}

/** Draws again and again, until the scope is cancelled. */
async function drawAgain(scope: CancelScope, screen: TopScreen, every: number): Promise<void> {
  try {
    for (;;) {
      await scope.sleep(every)
      screen.draw()
    }
  } catch (error) {
    if (!isCancellation(error)) throw error
  }
}

async function showOnce(address: NodeAddress): Promise<void> {
  const interrupt = onInterrupt()
  using scope = new CancelScope({ signal: interrupt.signal })
  const state = new TopState()
  const end = () => scope.cancel('seen')
  try {
    await watchNode(address, 'view.watch', {
      signal: scope.signal,
      onMessage: message => {
        state.take(message as ViewMessage)
        if (!state.isComplete) return
        scope.deadline = Math.min(scope.deadline, scope.clock.now() + FIGURES_MS)
        if (state.figures && state.cluster) end()
      },
    })
  } finally {
    interrupt.dispose()
  }
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  const { lines } = topPicture(state, { columns, now: Date.now() })
  process.stdout.write(plainText(lines))
}
