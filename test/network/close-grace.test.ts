import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { tensorFrame } from '../../src/network/frame.ts'
import { defaultFrameLimits, encodeFrame } from '../../src/network/frame-codec.ts'
import { defaultHeartbeat } from '../../src/network/heartbeat.ts'
import { defaultOutboxLimits } from '../../src/network/outbox.ts'
import { StreamLink } from '../../src/network/stream-link.ts'
import type { TransportEvents } from '../../src/network/tensor-link.ts'

/** A link over a transport that does what the test says. */
function setUp() {
  const clock = new VirtualClock()
  const log: string[] = []
  const flushes: (() => void)[] = []
  let events: TransportEvents | undefined
  const link = new StreamLink({
    transport: {
      peer: 'test',
      write: (_, flushed) => flushes.push(flushed),
      end: () => log.push('end'),
      refuse: () => log.push('refuse'),
      destroy: () => log.push('destroy'),
      listen: own => {
        events = own
      },
    },
    clock,
    heartbeat: defaultHeartbeat,
    frameLimits: defaultFrameLimits,
    outboxLimits: defaultOutboxLimits,
  })
  link.onClosed(error => log.push(`closed ${error?.code}`))
  const frame = tensorFrame({ epoch: 1, request: 1 }, Int32Array.of(1))
  return {
    clock,
    link,
    log,
    flushes,
    frame,
    hear: () => events?.message(encodeFrame(frame)),
    events: () => events,
  }
}

describe('a link that is being closed', () => {
  it('lets go of a silent neighbour after a second', async () => {
    const { clock, link, log, frame } = setUp()
    link.send(frame)
    link.close()
    await clock.advance(999)
    expect(log).toEqual([])
    await clock.advance(1)
    expect(log).toEqual(['destroy', 'closed undefined'])
    expect(clock.pending).toBe(0)
  })

  it('waits while its neighbour is alive, but not for ever', async () => {
    const { clock, link, log, frame, hear } = setUp()
    link.send(frame)
    link.close()
    for (let second = 0; second < 9; second += 1) {
      hear()
      await clock.advance(1_000)
    }
    expect(log).toEqual([])
    hear()
    await clock.advance(1_000)
    expect(log).toEqual(['destroy', 'closed undefined'])
  })

  it('takes leave once all is sent, and is closed when the neighbour does the same', async () => {
    const { clock, link, log, frame, flushes, events } = setUp()
    link.send(frame)
    link.close()
    for (const flushed of flushes) flushed()
    await clock.settle()
    expect(log).toEqual(['end'])
    events()?.ended()
    expect(log).toEqual(['end', 'closed undefined'])
    expect(clock.pending).toBe(0)
  })

  it('hands no more frames to its owner', () => {
    const { link, log, hear } = setUp()
    link.onFrame(() => log.push('frame'))
    hear()
    link.close()
    hear()
    expect(log).toEqual(['frame'])
  })
})
