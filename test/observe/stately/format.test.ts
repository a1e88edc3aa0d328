import { createInspector } from '@statelyai/inspect'
import { describe, expect, it } from 'vitest'
import { StatelyBridge } from '../../../src/observe/stately/bridge.ts'
import { plantTree, type Told } from './tree.ts'

/** What a message says, in a form in which two of the same can be compared. */
function said(message: Told) {
  const { createdAt, definition, snapshot, ...rest } = message
  return {
    ...rest,
    hasTime: /^\d+$/.test(createdAt),
    definition: definition === undefined ? undefined : JSON.parse(definition),
    snapshot: snapshot && {
      status: snapshot.status,
      value: snapshot.value,
      context: snapshot.context,
      children: typeof snapshot.children,
    },
  }
}

const json = (value: unknown): Told => JSON.parse(JSON.stringify(value))

describe('the format', () => {
  it('is that of @statelyai/inspect: of the same happenings it tells the same', async () => {
    await using root = await plantTree()
    const theirs: Told[] = []
    const ours: Told[] = []
    const inspector = createInspector({ send: message => void theirs.push(json(message)) })
    const bridge = new StatelyBridge(observer => root.inspect(observer), Date.now)
    root.inspect(event => inspector.inspect.next?.(event as never))
    bridge.connect({
      bufferedAmount: 0,
      send: (text, sent) => {
        ours.push(JSON.parse(text))
        queueMicrotask(sent)
      },
    })
    // Theirs defers each message by a timer.
    const patient = { timeout: 20_000 }
    await expect.poll(() => theirs.filter(({ type }) => type === '@xstate.actor').length, patient).toBe(7)
    const registered = (told: readonly Told[]) =>
      told.filter(({ type }) => type === '@xstate.actor').map(said)
    expect(registered(ours)).toEqual(registered(theirs))
    ours.length = 0
    await expect.poll(() => theirs.length, patient).toBe(14)
    theirs.length = 0
    root.ref('one').degrade(new Error('slow'))
    await root.restart('one')
    const happened = (told: readonly Told[]) => told.filter(({ type }) => type !== '@xstate.actor').map(said)
    await expect.poll(() => happened(theirs).length, patient).toBe(happened(ours).length)
    expect(happened(ours)).toEqual(happened(theirs))
    expect(happened(ours).length).toBeGreaterThan(8)
  })
})
