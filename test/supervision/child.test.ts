import { describe, expect, it } from 'vitest'
import { calm, grow, kid } from './tree.ts'

type Root = Awaited<ReturnType<typeof grow>>['root']

/** How many children are between two incarnations, as the supervisor's own machine counts them. */
function restarting(root: Root): number {
  let count = -1
  const detach = root.inspect(event => {
    if (count < 0 && event.type === '@xstate.snapshot')
      count = (event.snapshot as unknown as { context: { restarting: number } }).context.restarting
  })
  detach()
  return count
}

describe('a supervisor counts a child as restarting', () => {
  it('from its end to the READY of its successor', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec, kid('b').spec])
    const counts = [restarting(root)]
    a.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(100)
    counts.push(restarting(root))
    a.lives[1]?.initialized.resolve()
    await clock.settle()
    counts.push(restarting(root))
    expect(counts).toEqual([0, 1, 0])
    await root.close()
  })

  it('until it ends in the normal way, is ignored, or is stopped', async () => {
    const all = [kid('a', {}, { restart: 'transient' }), kid('b'), kid('c')]
    const { root, clock } = await grow(all.map(({ spec }) => spec))
    for (const { script, id } of all) {
      script.initialize = 'wait'
      root.ref(id).fail('x')
    }
    await clock.advance(100)
    expect(restarting(root)).toBe(3)
    const [a, b] = all
    a?.lives[1]?.self.end('done')
    a?.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(restarting(root)).toBe(2)
    b?.lives[1]?.self.ignore('not wanted')
    b?.lives[1]?.initialized.resolve()
    await clock.settle()
    expect([restarting(root), root.children()[1]?.ended]).toEqual([1, true])
    await expect(root.ref('b').ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    const stopping = root.stop('c')
    all[2]?.lives[1]?.initialized.resolve()
    await stopping
    expect(restarting(root)).toBe(0)
    await root.close()
  })

  it('while it is restarted with its group, also when it had not failed', async () => {
    const all = [kid('a'), kid('b')]
    const { root, clock } = await grow(
      all.map(({ spec }) => spec),
      { strategy: 'one_for_all' },
    )
    const [, b] = all
    if (b) b.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(50)
    expect(restarting(root)).toBe(2)
    await clock.advance(50)
    expect([restarting(root), root.ref('a').state]).toEqual([1, 'READY'])
    b?.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(restarting(root)).toBe(0)
    await root.close()
  })

  it('again when its circuit lets it try, and not while it stays down', async () => {
    const a = kid('a', {}, { policy: { intensity: { restarts: 0, within: 60_000 }, circuit: 5_000 } })
    const { root, clock } = await grow([a.spec])
    a.script.initialize = 'wait'
    root.ref('a').fail('x')
    await clock.advance(4_999)
    expect(restarting(root)).toBe(0)
    await clock.advance(1)
    const waiting = root.ref('a').ready()
    expect([restarting(root), a.lives.length]).toEqual([1, 2])
    a.lives[1]?.initialized.resolve()
    expect(await waiting).toEqual({ life: 2 })
    expect(restarting(root)).toBe(0)
    await root.close()
  })
})

describe('a child', () => {
  it('of a known id goes on behind the same ref if it is made of the same definition, and with its numbers', async () => {
    const [a, other] = [kid('a'), kid('a')]
    const { root } = await grow([a.spec])
    const ref = root.ref('a')
    await root.stop('a')
    expect(await root.start(a.typed)).toBe(ref)
    expect(ref.incarnation).toBe(2)
    await root.stop('a')
    const another = await root.start(other.typed)
    expect(another).not.toBe(ref)
    expect([another.incarnation, ref.state, another.state]).toEqual([3, 'CLOSED', 'READY'])
    await root.close()
  })

  it('that was stopped while it waited for a place among those that start takes none', async () => {
    const all = [kid('a'), kid('b'), kid('c')]
    const { root, clock } = await grow(
      all.map(({ spec }) => spec),
      { concurrentStarts: 1 },
    )
    const [a] = all
    if (a) a.script.initialize = 'wait'
    for (const { id } of all) root.ref(id).fail('x')
    await clock.advance(100)
    expect(all.map(({ lives }) => lives.length)).toEqual([2, 1, 1])
    await root.stop('b')
    a?.lives[1]?.initialized.resolve()
    await clock.settle()
    expect(all.map(({ lives }) => lives.length)).toEqual([2, 1, 2])
    await root.close()
  })

  it('that is stopped by hand while it is DEGRADED leaves no timer', async () => {
    const a = kid('a', { recover: () => Promise.resolve() })
    const { root, clock } = await grow([a.spec])
    const before = clock.pending
    a.lives[0]?.self.degrade('slow')
    await clock.settle()
    await root.stop('a')
    expect(clock.pending).toBeLessThanOrEqual(before)
    await clock.advance(60_000)
    expect(a.lives).toHaveLength(1)
    await root.close()
    expect(clock.pending).toBe(0)
  })

  it('that was restarted by hand has its first delay again', async () => {
    const a = kid('a')
    const { root, clock, story } = await grow([a.spec])
    for (const delay of [100, 200]) {
      root.ref('a').fail('x')
      await clock.advance(delay)
    }
    await root.restart('a')
    root.ref('a').fail('x')
    await clock.settle()
    expect(story().filter(text => text.startsWith('backoff'))).toEqual([
      'backoff_scheduled a#1 100',
      'backoff_scheduled a#2 200',
      'backoff_scheduled a#4 100',
    ])
    await root.close()
  })

  it('that was restarted by hand has its circuit closed', async () => {
    const a = kid('a', {}, { policy: { intensity: { restarts: 0, within: 60_000 }, circuit: 5_000 } })
    const { root, clock } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.settle()
    await root.restart('a')
    expect(root.children()[0]).toMatchObject({ state: 'READY', circuit: 'closed' })
    await clock.advance(60_000)
    expect(a.lives).toHaveLength(2)
    await root.close()
  })

  it('that stays in ERROR by its policy holds up no group', async () => {
    const a = kid('a', {}, { policy: { on: ['DEGRADED'] } })
    const all = [a, kid('b'), kid('c')]
    const { root, clock } = await grow(
      all.map(({ spec }) => spec),
      { strategy: 'one_for_all' },
    )
    a.script.initialize = 'wait'
    root.ref('c').fail('x')
    await clock.advance(100)
    a.lives[1]?.initialized.reject(new Error('no'))
    await clock.settle()
    expect(root.children().map(({ state }) => state)).toEqual(['ERROR', 'READY', 'READY'])
    await root.close()
  })

  it.each([
    ['goes on when its handler throws', undefined, 1],
    ['is restarted when its policy says so of what its handler throws', { Error: 'restart' }, 2],
  ] as const)('%s', async (_, decide, lives) => {
    const a = kid(
      'a',
      {
        receive: () => {
          throw new Error('bad')
        },
      },
      { policy: { ...calm, ...(decide && { decide }) } },
    )
    const { root, clock } = await grow([a.spec])
    root.ref('a').tell('x' as never)
    await clock.advance(100)
    expect([a.lives.length, root.ref('a').state]).toEqual([lives, 'READY'])
    await root.close()
  })

  it('that has never run is down for good once it is stopped, and whoever waits for it hears so', async () => {
    const a = kid('a', {}, { start: false })
    const { root, events } = await grow([a.spec])
    const waiting = expect(root.ref('a').ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await root.stop('a')
    await waiting
    expect(events.map(({ type }) => type)).toEqual(['stopped'])
    await root.close()
  })

  it('that finds itself not wanted when its circuit lets it try is not tried again', async () => {
    const policy = { intensity: { restarts: 0, within: 60_000 }, circuit: 1_000 }
    const a = kid('a', {}, { policy })
    const { root, clock } = await grow([a.spec])
    a.lives[0]?.self.fail('lost')
    a.script.initialize = 'wait'
    await clock.advance(1_000)
    a.lives[1]?.self.ignore('nothing to do')
    a.lives[1]?.initialized.resolve()
    await clock.advance(100_000)
    expect(root.children()[0]).toMatchObject({ circuit: 'closed', ended: true, state: 'CLOSED' })
    expect(a.lives).toHaveLength(2)
    await root.close()
  })

  it('that had ended is waited for again from the moment in which its group is to restart', async () => {
    const [a, b] = [kid('a', {}, { restart: 'transient' }), kid('b')]
    const { root, clock } = await grow([a.spec, b.spec], { strategy: 'one_for_all' })
    a.lives[0]?.self.end('done')
    await clock.settle()
    b.lives[0]?.self.fail('lost')
    await clock.settle()
    const ready = root.ref('a').ready()
    await clock.advance(100)
    expect(await ready).toEqual({ life: 2 })
    await root.close()
  })

  it('that was restarted by hand while its group starts is waited for by those after it', async () => {
    const kids = [kid('a'), kid('b'), kid('c')] as const
    const [a, b, c] = kids
    const { root, clock } = await grow(
      kids.map(({ spec }) => spec),
      { strategy: 'one_for_all' },
    )
    a.script.initialize = 'wait'
    b.script.initialize = 'wait'
    c.lives[0]?.self.fail('lost')
    await clock.advance(100)
    const restarted = root.restart('b')
    await clock.settle()
    a.lives[1]?.initialized.resolve()
    await clock.settle()
    expect([b.lives.length, c.lives.length]).toEqual([2, 1])
    b.lives[1]?.initialized.resolve()
    await restarted
    await clock.settle()
    expect(c.lives).toHaveLength(2)
    await root.close()
  })

  it('that is told to restart while it is being stopped is not told of as stopped, and is there for who waits for it', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, clock, story } = await grow([a.spec])
    const stopped = root.stop('a')
    await clock.settle()
    const restarted = root.restart('a')
    const ready = root.ref('a').ready()
    a.lives[0]?.cleaned.resolve()
    await Promise.all([stopped, restarted])
    expect(await ready).toEqual({ life: 2 })
    expect(story()).not.toContain('stopped a#1')
    a.script.cleanup = 'at once'
    await root.close()
  })

  it('that is stopped by who hears that it starts runs nothing', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    let stopped: Promise<void> | undefined
    root.onEvent(({ type }) => {
      if (type === 'started') stopped = root.stop('a')
    })
    a.lives[0]?.self.fail('lost')
    await clock.advance(100)
    await stopped
    expect([a.lives.length, root.ref('a').state]).toEqual([1, 'CLOSED'])
    await root.close()
  })

  it('tells of the 1st, 2nd, 4th, 8th ... of those that wait for a place among those that start', async () => {
    const kids = Array.from({ length: 11 }, (_, at) => kid(`k${at}`))
    const { root, clock, events } = await grow(
      kids.map(({ spec }) => spec),
      { concurrentStarts: 1 },
    )
    for (const { lives, script } of kids) {
      script.initialize = 'wait'
      lives[0]?.self.fail('lost')
    }
    await clock.advance(100)
    const delayed = events.filter(({ type }) => type === 'storm_delayed')
    expect(delayed.map(({ count }) => count)).toEqual([1, 2, 4, 8])
    for (const { lives, script } of kids) {
      script.initialize = 'at once'
      for (const life of lives) life.initialized.resolve()
    }
    await clock.advance(1_000)
    await root.close()
  })

  it('whose cleanup took too long has ended as one that was killed, for its monitors', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, clock } = await grow([a.spec])
    const reasons: string[] = []
    root.ref('a').monitor(({ reason }) => void reasons.push(reason))
    const stopped = root.stop('a')
    await clock.advance(300)
    await stopped
    expect(reasons).toEqual(['killed'])
    await root.close()
  })
})
