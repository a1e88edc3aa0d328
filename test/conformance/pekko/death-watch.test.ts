import { describe, expect, it } from 'vitest'
import { deferred } from '../../../src/concurrency/deferred.ts'
import { link } from '../../../src/resources/link.ts'
import type { Down } from '../../../src/resources/monitor.ts'
import { atOnce, Exc1, incarnations, limit, world } from './world.ts'

/** A supervised actor to watch, and a list of the notices that came. */
async function watched() {
  const stage = world()
  const terminal = stage.actor('terminal')
  const root = await stage.grow([terminal])
  const notices: string[] = []
  const note =
    (who = 'watcher') =>
    ({ name, reason, incarnation }: Down) =>
      void notices.push(`${who}: ${name}#${incarnation} ${reason}`)
  return { ...stage, terminal, root, ref: root.ref(terminal.definition, 'terminal'), notices, note }
}

describe('a monitor', () => {
  it('D1 is told once of the end, in a turn of its own', async () => {
    const { root, ref, notices, note, clock } = await watched()
    ref.monitor(note())
    const stopping = root.stop('terminal')
    expect(notices).toEqual([])
    await stopping
    await clock.settle()
    expect(notices).toEqual(['watcher: terminal#1 normal'])
    await root.close()
    await clock.settle()
    expect(notices).toHaveLength(1)
  })

  it('D2 of something that has ended already is told all the same, once', async () => {
    const { root, ref, notices, note, clock } = await watched()
    await root.stop('terminal')
    ref.monitor(note())
    expect(notices).toEqual([])
    await clock.settle()
    await root.close()
    expect(notices).toEqual(['watcher: terminal#1 normal'])
  })

  it('D3 is one of many: each is told, also when another one throws', async () => {
    const { root, ref, notices, note, clock } = await watched()
    ref.monitor(note('first'))
    ref.monitor(() => {
      throw new Error('a careless watcher')
    })
    ref.monitor(note('third'))
    await root.stop('terminal')
    await clock.settle()
    expect(notices).toEqual(['first: terminal#1 normal', 'third: terminal#1 normal'])
    await root.close()
  })

  it('D4 that was taken back is told nothing, the others are', async () => {
    const { root, ref, notices, note, clock } = await watched()
    ref.monitor(note('first'))
    ref.monitor(note('second'))()
    ref.monitor(note('third'))
    await root.stop('terminal')
    await clock.settle()
    expect(notices).toEqual(['first: terminal#1 normal', 'third: terminal#1 normal'])
    await root.close()
  })

  it('D5 hears nothing of restarts, only of the end; one of an incarnation hears of the first restart and of nothing after it', async () => {
    const { actor, grow, crash, clock } = world()
    const terminal = actor('terminal', {}, { policy: limit(2, 60_000) })
    const root = await grow([terminal])
    const ref = root.ref(terminal.definition, 'terminal')
    const heard: string[] = []
    ref.monitor(({ reason, incarnation }) => void heard.push(`resource ${incarnation} ${reason}`))
    ref.monitor(({ reason, incarnation }) => void heard.push(`life ${incarnation} ${reason}`), {
      of: 'incarnation',
    })
    await crash(root, terminal)
    await crash(root, terminal)
    expect(await ref.ask('ping 1')).toBe('pong 1')
    expect(heard).toEqual(['life 1 failed'])
    await crash(root, terminal)
    await clock.settle()
    expect(heard).toEqual(['life 1 failed', 'resource 3 gave up'])
    await root.closed
  })

  it('D5 hears nothing of a circuit that opens, since the child comes back by itself, and everything of the end after it', async () => {
    const { actor, grow, crash, clock } = world()
    const policy = { intensity: { restarts: 0, within: 1_000 }, circuit: 30_000 }
    const terminal = actor('terminal', {}, { policy })
    const root = await grow([terminal])
    const ref = root.ref(terminal.definition, 'terminal')
    const heard: string[] = []
    ref.monitor(({ reason, incarnation }) => void heard.push(`${incarnation} ${reason}`))
    await crash(root, terminal)
    await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
    await clock.advance(30_000)
    expect([heard, ref.state]).toEqual([[], 'READY'])
    await crash(root, terminal)
    await root.stop('terminal')
    await clock.settle()
    expect(heard).toEqual(['2 normal'])
    await root.close()
  })

  it('D7 of a successor under the same id is told of the successor’s end, with its number', async () => {
    const { root, ref, terminal, notices, note, clock } = await watched()
    ref.monitor(note())
    await root.stop('terminal')
    await clock.settle()
    const again = await root.start(terminal.typed)
    again.monitor(note())
    await clock.settle()
    expect(notices).toEqual(['watcher: terminal#1 normal'])
    await root.stop('terminal')
    await clock.settle()
    expect(notices).toEqual(['watcher: terminal#1 normal', 'watcher: terminal#2 normal'])
    await root.close()
  })

  it('D8 hears of nobody but the one that it watches', async () => {
    const { actor, grow, crash, clock } = world()
    const [a, b] = [actor('a', {}, { restart: 'temporary' }), actor('b', {}, { restart: 'temporary' })]
    const root = await grow([a, b])
    const heard: string[] = []
    root.ref('b').monitor(({ name }) => void heard.push(name))
    await crash(root, a)
    await clock.settle()
    expect(heard).toEqual([])
    await root.close()
    await clock.settle()
    expect(heard).toEqual(['b'])
  })

  it('D9 that is taken back while its notice is on its way is told nothing', async () => {
    const { root, ref, notices, note, clock } = await watched()
    let unwatch = () => undefined as unknown
    ref.monitor(() => unwatch())
    unwatch = ref.monitor(note())
    await root.stop('terminal')
    await clock.settle()
    expect(notices).toEqual([])
    await root.close()
  })

  it('D10 may say it with a message of its own', async () => {
    const { actor, grow, clock } = world()
    const got: object[] = []
    const watcher = actor('watcher', { receive: (_, message) => got.push(message) })
    const subject = actor('subject', {}, { restart: 'temporary' })
    const root = await grow([watcher, subject])
    const toWatcher = root.ref(watcher.definition, 'watcher')
    root.ref('subject').monitor(({ name }) => void toWatcher.tell({ gone: name }))
    await root.stop('subject')
    await clock.settle()
    expect(got).toEqual([{ gone: 'subject' }])
    await root.close()
  })

  it('D11 whose message comes while the watcher restarts reaches the new incarnation, once', async () => {
    const { actor, grow, clock } = world()
    const gate = deferred<void>()
    const got: string[] = []
    const watcher = actor('watcher', {
      stop: ({ number }) => number === 1 && gate.promise,
      receive: ({ number }, message) => got.push(`${number} ${JSON.stringify(message)}`),
    })
    const subject = actor('subject')
    const root = await grow([watcher, subject])
    const toWatcher = root.ref(watcher.definition, 'watcher')
    root.ref('subject').monitor(({ name }) => void toWatcher.tell({ gone: name }))
    toWatcher.fail(new Exc1())
    await clock.advance(0)
    await root.stop('subject')
    await clock.settle()
    expect(got).toEqual([])
    gate.resolve()
    await clock.advance(0)
    expect(got).toEqual(['2 {"gone":"subject"}'])
    await root.close()
  })

  it('T30 hears nothing of a sibling that is only stopped to be restarted with its group', async () => {
    const { actor, grow, crash, clock } = world()
    const [a, b] = [actor('a'), actor('b')]
    const root = await grow([a, b], { strategy: 'one_for_all' })
    const heard: string[] = []
    root.ref('b').monitor(({ name, reason }) => void heard.push(`${name} ${reason}`))
    await crash(root, a)
    expect([incarnations(root), heard]).toEqual([{ a: 2, b: 2 }, []])
    await root.stop('b')
    await clock.settle()
    expect(heard).toEqual(['b normal'])
    await root.close()
  })
})

describe('a link', () => {
  it('D6 lets the one fail when the other one did, after it, with its error as the cause', async () => {
    const { actor, grow, crash, events, clock } = world()
    const failed = actor('failed', {}, { restart: 'temporary' })
    const brother = actor('brother', {}, { restart: 'temporary' })
    const root = await grow([failed, brother])
    link(root.ref('failed'), root.ref('brother'))
    const heard: string[] = []
    root.ref('brother').monitor(({ name, error }) => void heard.push(`${name}: ${error?.message}`))
    await crash(root, failed, new Exc1('killed'))
    await clock.settle()
    expect(events.filter(({ type }) => type === 'failed').map(({ name }) => name)).toEqual([
      'failed',
      'brother',
    ])
    expect(heard).toEqual([
      expect.stringMatching(/^brother: .*is linked to actor "failed", which failed: .*killed$/),
    ])
    await root.close()
  })

  it('D6 lets the one live when the other one ended in the normal way', async () => {
    const { actor, grow, clock } = world()
    const [ended, brother] = [actor('ended', {}, { restart: 'temporary' }), actor('brother')]
    const root = await grow([ended, brother])
    link(root.ref('ended'), root.ref('brother'))
    root.ref(ended.definition, 'ended').tell('end')
    await clock.advance(0)
    expect(incarnations(root)).toEqual({ brother: 1 })
    await root.close()
  })

  it('T67 lets an actor that dies of another’s death come back by its own policy, unlinked', async () => {
    const { actor, grow, crash, told, clock } = world()
    const child = actor('child', {}, { restart: 'temporary' })
    const parent = actor('parent', {}, { policy: atOnce })
    const root = await grow([child, parent])
    link(root.ref('parent'), root.ref('child'))
    await crash(root, child)
    await clock.advance(0)
    told()
    expect(await root.ref(parent.definition, 'parent').ask('ping 1')).toBe('pong 1')
    expect([incarnations(root), told()]).toEqual([{ parent: 2 }, ['parent pong 1']])
    await root.close()
  })
})
