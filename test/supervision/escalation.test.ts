import { describe, expect, it } from 'vitest'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { calm, grow, kid } from './tree.ts'

/** Fails a child again and again, each time after its restart. */
async function failTimes(count: number, ref: { fail(error: unknown): void }, advance: () => Promise<void>) {
  for (let round = 1; round <= count; round += 1) {
    ref.fail(new Error(`failure ${round}`))
    await advance()
  }
}

describe('a supervisor whose child fails more often than allowed', () => {
  it('gives up: waiters fail with the chain of causes, the others are stopped in reverse, the root tells by closed', async () => {
    const [a, b, c] = [kid('a'), kid('b'), kid('c')]
    const { root, clock, events } = await grow([a.spec, b.spec, c.spec])
    const ref = root.ref('b')
    await failTimes(3, ref, () => clock.advance(1_000))
    expect(ref).toMatchObject({ state: 'READY', incarnation: 4 })
    ref.fail(new Error('failure 4'))
    const waiting = ref.ready().catch((error: unknown) => error)
    await clock.advance(0)
    expect(await waiting).toMatchObject({
      code: 'EXO_INTENSITY_EXCEEDED',
      message: expect.stringMatching(
        /gave up on scripted "b": it needed more than 3 restarts within 60000 ms; .* failure 4$/,
      ),
      cause: { code: 'EXO_RESOURCE_FAILED', cause: { message: 'failure 4' } },
    })
    expect(await root.closed).toMatchObject({ reason: 'failed', error: { code: 'EXO_INTENSITY_EXCEEDED' } })
    expect(root.state).toBe('CLOSED')
    const gaveUp = events.findIndex(({ type }) => type === 'gave_up')
    expect(events[gaveUp]).toMatchObject({ name: 'b', window: { used: 3, limit: 3 } })
    const after = events.slice(gaveUp).filter(({ type }) => type === 'child_terminated')
    expect(after.map(({ name }) => name)).toEqual(['c', 'a'])
    expect([a, b, c].flatMap(({ lives }) => lives.map(({ cleanups }) => cleanups.length))).toEqual([
      1, 1, 1, 1, 1, 1,
    ])
    expect(clock.pending).toBe(0)
  })

  it('forgets restarts that are older than the window', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    await failTimes(10, root.ref('a'), () => clock.advance(21_000))
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 11 })
    await root.close()
  })

  it('gives up at the first failure when no restart is allowed', async () => {
    const a = kid('a', {}, { policy: { intensity: { restarts: 0 } } })
    const { root, clock } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.advance(0)
    expect(await root.closed).toMatchObject({ reason: 'failed' })
    expect(a.lives).toHaveLength(1)
  })

  it.each([
    ['its own', 1, 5, 1],
    ['that of its supervisor', 5, 2, 2],
  ])('names the limit that was spent: %s', async (_, own, shared, restarts) => {
    const a = kid('a', {}, { policy: { intensity: { restarts: own, within: 60_000 } } })
    const { root, clock } = await grow([a.spec], { intensity: { restarts: shared, within: 60_000 } })
    await failTimes(restarts + 1, root.ref('a'), () => clock.advance(1_000))
    expect((await root.closed).error?.details).toMatchObject({ id: 'a', restarts, within: 60_000 })
  })

  it('gives up by a limit that a reload has brought', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec])
    root.reload({ intensity: { restarts: 1, within: 60_000 } })
    await failTimes(2, root.ref('a'), () => clock.advance(1_000))
    expect((await root.closed).error).toMatchObject({
      code: 'EXO_INTENSITY_EXCEEDED',
      details: { restarts: 1 },
    })
  })

  it('counts for each child alone, so that a noisy one does not spend what others may need', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root, clock } = await grow([a.spec, b.spec])
    await failTimes(3, root.ref('a'), () => clock.advance(1_000))
    await failTimes(3, root.ref('b'), () => clock.advance(1_000))
    expect(root.children().map(({ state, window }) => [state, window.used])).toEqual([
      ['READY', 3],
      ['READY', 3],
    ])
    await root.close()
  })

  it('counts for all together too, if it was given a limit of its own', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root, clock } = await grow([a.spec, b.spec], { intensity: { restarts: 4, within: 60_000 } })
    await failTimes(2, root.ref('a'), () => clock.advance(1_000))
    await failTimes(3, root.ref('b'), () => clock.advance(1_000))
    expect(await root.closed).toMatchObject({
      error: {
        message: expect.stringContaining(
          'gave up on scripted "b": it needed more than 4 restarts within 60000 ms',
        ),
      },
    })
  })

  it('restarts without any burst: a child that always fails at once is tried as often as allowed, each time after its delay', async () => {
    const a = kid('a', {}, { policy: { startTimeout: 100_000 } })
    const { root, clock, events } = await grow([a.spec])
    a.script.initialize = 'wait'
    root.ref('a').fail('x')
    for (let round = 0; round < 5; round += 1) {
      await clock.advance(1_000)
      a.lives.at(-1)?.initialized.reject(new Error('never'))
      await clock.settle()
    }
    expect(a.lives).toHaveLength(4)
    expect(events.filter(({ type }) => type === 'started').map(({ at }) => at)).toEqual([
      0, 100, 1_200, 2_400,
    ])
    expect(await root.closed).toMatchObject({ reason: 'failed' })
  })
})

describe('a supervisor below another one', () => {
  const nested = (id: string, children: ReturnType<typeof kid>[], more = {}) =>
    childSpec({
      id,
      resource: supervisorResource,
      input: { children: children.map(({ spec }) => spec), ...more },
    })

  it('is a child like any other: READY when its children are, and stopped with them', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root, events } = await grow([nested('sub', [a, b])])
    const sub = await root.ref(supervisorResource, 'sub').ready()
    expect(sub.ref(a.definition, 'a').client).toEqual({ life: 1 })
    expect(
      events.filter(({ type }) => type === 'ready').map(({ supervisor, name }) => `${supervisor}/${name}`),
    ).toEqual(['root/sub/a', 'root/sub/b', 'root/sub'])
    await root.close()
    expect([a, b].map(({ lives }) => lives[0]?.cleanups.length)).toEqual([1, 1])
  })

  it('that gave up is restarted by its parent, with new incarnations of all its children', async () => {
    const [a, b] = [kid('a'), kid('b')]
    const { root, clock } = await grow([nested('sub', [a, b])])
    const sub = await root.ref(supervisorResource, 'sub').ready()
    const old = sub.ref('a')
    await failTimes(4, old, () => clock.advance(1_000))
    expect(root.ref('sub')).toMatchObject({ state: 'READY', incarnation: 2 })
    expect(root.ref('sub').lastError).toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
    const again = await root.ref(supervisorResource, 'sub').ready()
    expect(again.children().map(({ state, incarnation }) => [state, incarnation])).toEqual([
      ['READY', 1],
      ['READY', 1],
    ])
    await expect(old.ready()).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
    await expect(sub.start(kid('c').typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await root.close()
  })

  it('that gives up too often takes its parent with it: the whole chain of causes arrives at the root', async () => {
    const a = kid('a')
    const never = { ...calm, intensity: { restarts: 0, within: 1_000 } }
    const { root, clock } = await grow([nested('sub', [a], { policies: { default: never } })], {
      policies: { default: never },
    })
    const sub = await root.ref(supervisorResource, 'sub').ready()
    sub.ref('a').fail(new Error('the root of all'))
    await clock.advance(0)
    const { error } = await root.closed
    const chain: unknown[] = []
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
      chain.push((cause as { code?: string }).code)
    expect(chain).toEqual([
      'EXO_INTENSITY_EXCEEDED',
      'EXO_INTENSITY_EXCEEDED',
      'EXO_RESOURCE_FAILED',
      undefined,
    ])
  })

  it('takes the policies of its parent when it has none, and has all the time for its children', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, clock } = await grow([nested('sub', [a])], {
      policies: { default: { ...calm, shutdown: 5_000, backoff: { ...calm.backoff, initial: 7 } } },
    })
    const sub = await root.ref(supervisorResource, 'sub').ready()
    const closing = root.close()
    await clock.advance(4_999)
    expect(sub.ref('a').state).toBe('CLOSING')
    await clock.advance(1)
    await closing
    expect(a.lives[0]?.cleanups).toHaveLength(1)
  })

  it('whose time for closing is over loses its children, and each of them is still cleaned up', async () => {
    const [a, b] = [kid('a', { cleanup: 'wait' }), kid('b', { cleanup: 'wait' })]
    const spec = { ...nested('sub', [a, b]), policy: { shutdown: 100 } }
    const { root, clock } = await grow([spec])
    const closing = root.close()
    await clock.advance(100)
    await closing
    await clock.settle()
    expect([a, b].map(({ lives }) => lives[0]?.cleanups.length)).toEqual([1, 1])
    await clock.advance(10_000)
    expect(clock.pending).toBe(0)
  })
})
