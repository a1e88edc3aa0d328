import type { Invariant } from './invariant.ts'

export const messages: readonly Invariant[] = [
  {
    name: 'delivered-once',
    promise: 'no message is delivered twice: one that was in hand when its handler failed is not replayed',
    handles({ number, deliveries }, { post, incarnation }) {
      return deliveries > 0 ? `message ${number} is delivered again, to ${post.id}#${incarnation}` : undefined
    },
  },
  {
    name: 'delivered-to-addressee',
    promise: 'a message reaches only the child that it was sent to',
    handles: ({ number, post }, life) =>
      post === life.post ? undefined : `message ${number} for ${post.id} reaches ${life.post.id}`,
  },
  {
    name: 'one-at-a-time',
    promise: 'an incarnation handles one message at a time',
    handles: ({ number }, { post, incarnation, handling }) =>
      handling === undefined
        ? undefined
        : `${post.id}#${incarnation} gets message ${number} while it handles ${handling}`,
  },
  {
    name: 'ask-settles-once',
    promise: 'each ask settles exactly once, at the latest when its time is over',
    rests({ ledger, time }) {
      const broken = ledger.openAsks.find(
        ({ settled, deadline }) => settled > 1 || (settled === 0 && time > deadline),
      )
      if (!broken) return undefined
      const { number, post, settled, deadline } = broken
      return `ask ${number} of ${post.id} has settled ${settled} times by ${time}, its time was over at ${deadline}`
    },
    ends({ ledger }) {
      const open = ledger.sent.find(({ isAsk, settled }) => isAsk && settled !== 1)
      return open ? `ask ${open.number} of ${open.post.id} has settled ${open.settled} times` : undefined
    },
  },
]
