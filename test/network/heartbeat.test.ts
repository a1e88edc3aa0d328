import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { Heartbeat } from '../../src/network/heartbeat.ts'

function setUp() {
  const clock = new VirtualClock()
  const log = { pings: 0, dead: [] as number[] }
  const polls: (() => void)[] = []
  const heartbeat = new Heartbeat({
    timing: { intervalMs: 50, deadlineMs: 250, misses: 2 },
    clock,
    ping: () => {
      log.pings += 1
    },
    dead: silence => log.dead.push(silence),
    afterPoll: fn => polls.push(fn),
  })
  /** Lets the loop look at its sockets, in which `unread` lies. */
  const poll = (unread?: () => void) => {
    unread?.()
    for (const fn of polls.splice(0)) fn()
  }
  return { clock, log, heartbeat, poll }
}

describe('a heartbeat', () => {
  it('pings every interval, from the start', async () => {
    const { clock, log, heartbeat } = setUp()
    heartbeat.start()
    await clock.advance(200)
    expect(log.pings).toBe(5)
  })

  it('declares a silent neighbour dead after all misses, once, and stops', async () => {
    const { clock, log, heartbeat, poll } = setUp()
    heartbeat.start()
    await clock.advance(499)
    poll()
    poll()
    expect(log.dead).toEqual([])
    await clock.advance(1)
    poll()
    poll()
    expect(log.dead).toEqual([500])
    const { pings } = log
    await clock.advance(2_000)
    poll()
    poll()
    expect(log).toEqual({ pings, dead: [500] })
    expect(clock.pending).toBe(0)
  })

  it('takes anything heard as a sign of life', async () => {
    const { clock, log, heartbeat, poll } = setUp()
    heartbeat.start()
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(400)
      heartbeat.heard()
      poll()
      poll()
    }
    expect(log.dead).toEqual([])
  })

  it('reads the sockets before its verdict, and spares a neighbour whose answer lay there', async () => {
    const { clock, log, heartbeat, poll } = setUp()
    heartbeat.start()
    await clock.advance(500)
    poll(() => heartbeat.heard())
    poll()
    expect(log.dead).toEqual([])
    await clock.advance(500)
    poll()
    poll()
    expect(log.dead).toEqual([500])
  })

  it('does not count the time in which its own loop was stuck as silence', async () => {
    let now = 0
    let due: (() => void) | undefined
    const dead: number[] = []
    const heartbeat = new Heartbeat({
      timing: { intervalMs: 50, deadlineMs: 250, misses: 2 },
      clock: {
        now: () => now,
        setTimeout: fn => {
          due = fn
        },
        clearTimeout: () => {},
        nextTurn: fn => fn(),
      },
      ping: () => {},
      dead: silence => dead.push(silence),
      afterPoll: fn => fn(),
    })
    const tickAfter = (ms: number) => {
      now += ms
      due?.()
    }
    heartbeat.start()
    tickAfter(50)
    tickAfter(900)
    expect(dead).toEqual([])
    for (let tick = 0; tick < 7; tick += 1) tickAfter(50)
    expect(dead).toEqual([])
    tickAfter(50)
    expect(dead).toEqual([500])
  })

  it('pings no more once it is stopped', async () => {
    const { clock, log, heartbeat } = setUp()
    heartbeat.start()
    heartbeat.stop()
    await clock.advance(1_000)
    expect(log.pings).toBe(1)
  })
})
