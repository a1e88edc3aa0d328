import { describe, expect, it } from 'vitest'
import { createResource } from '../../../src/resources/create.ts'
import { Exc1, Exc2, Exc3, gaveUp, incarnations, limit, world } from './world.ts'

/** A resource that nobody supervises. */
function alone() {
  const stage = world()
  const lonely = stage.actor('lonely')
  const resource = createResource(lonely.definition, { input: {}, clock: stage.clock, log: stage.log })
  return { ...stage, lonely, resource }
}

describe('an actor under supervision', () => {
  it('T1 answers messages as if nobody supervised it', async () => {
    const { actor, grow, told } = world()
    const child = actor('a')
    const root = await grow([child])
    expect(await root.ref(child.definition, 'a').ask('ping 1')).toBe('pong 1')
    await root.close()
    expect(told()).toEqual(['a starts', 'a pong 1', 'a stopped'])
  })

  it('T13 handles what it was only told, in order', async () => {
    const { actor, grow, told, clock } = world()
    const child = actor('a')
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    expect([ref.tell('ping 1'), ref.tell('ping 2')]).toEqual([true, true])
    await clock.settle()
    expect(told()).toEqual(['a starts', 'a pong 1', 'a pong 2'])
    await root.close()
  })

  it('T4 begins again with a fresh state when it failed, and the message that it failed with is not tried again', async () => {
    const { actor, grow, crash, told } = world()
    const child = actor('a')
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    expect(await ref.ask('increment')).toBe(1)
    await crash(root, child, new Exc2())
    expect(await ref.ask('state')).toBe(0)
    expect(incarnations(root)).toEqual({ a: 2 })
    await root.close()
    expect(told()).toEqual(['a starts', 'a stopped', 'a starts', 'a stopped'])
  })

  it('T25 is restarted by its ref as well as by its own word, each time behind the same ref', async () => {
    const { actor, grow, clock } = world()
    const child = actor('a')
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    ref.tell('increment')
    await clock.advance(0)
    ref.fail(new Exc2())
    await clock.advance(0)
    expect(await ref.ask('state')).toBe(0)
    expect(root.ref(child.definition, 'a')).toBe(ref)
    expect(ref.lastError).toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await root.close()
  })

  it('T5 goes on with its state after a message that its handler threw at: resuming is what happens unless something else is said', async () => {
    const { actor, grow, clock, logged } = world()
    const child = actor('a')
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await ref.ask('increment')
    ref.tell(new Exc2('expected'))
    await clock.advance(0)
    expect(await ref.ask('state')).toBe(1)
    expect(incarnations(root)).toEqual({ a: 1 })
    expect(logged).toContainEqual({ level: 'error', message: 'actor "a" threw while it handled a message' })
    await root.close()
  })

  it('T39 resumes after an ask that its handler threw at, too: the caller gets the very error', async () => {
    const { actor, grow } = world()
    const child = actor('a')
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    const error = new Exc2('expected')
    await ref.ask('increment')
    await expect(ref.ask(error)).rejects.toBe(error)
    expect([await ref.ask('state'), ref.state]).toEqual([1, 'READY'])
    await root.close()
  })

  it('T71 is restarted for a failure at a message of any type, and works on', async () => {
    const { actor, grow, told, clock } = world()
    const child = actor('a', { receive: life => life.self.fail(new Exc1()) })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await ref.ask('ping 1')
    ref.tell({ nobody: 'expects this' })
    await clock.advance(0)
    await ref.ask('ping 2')
    await root.close()
    expect(told()).toEqual(['a starts', 'a pong 1', 'a stopped', 'a starts', 'a pong 2', 'a stopped'])
  })

  it('T74 is restarted for work that fails outside of its handler, once it reports it', async () => {
    const { actor, grow, told, clock } = world()
    const child = actor('a', {
      receive: ({ self }) => {
        void Promise.reject(new Exc1('thrown later')).catch((error: unknown) => self.fail(error))
      },
    })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    ref.tell({ later: 'boom' })
    await clock.advance(0)
    await ref.ask('ping 1')
    await root.close()
    expect(told()).toEqual(['a starts', 'a stopped', 'a starts', 'a pong 1', 'a stopped'])
  })

  it('T12 starts at once, without waiting for a first message', async () => {
    const { actor, grow, told } = world()
    const root = await grow([actor('a')])
    expect(told()).toEqual(['a starts'])
    await root.close()
  })

  it('T47 starts once for each incarnation, however many messages wait for it', async () => {
    const { actor, grow, crash } = world()
    const child = actor('a')
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    await Promise.all(Array.from({ length: 10 }, () => ref.ask('increment')))
    expect([child.lives.length, await ref.ask('state')]).toEqual([2, 10])
    await root.close()
  })
})

describe('an actor that is not to be restarted', () => {
  it('T2 because nobody supervises it stays in ERROR and refuses what waits (in Pekko it stops itself)', async () => {
    const { resource, clock } = alone()
    await resource.initialize()
    resource.tell({ fail: new Exc3('boom') })
    resource.tell('ping 1')
    await clock.settle()
    expect([resource.state, resource.snapshot().deadLetters]).toEqual(['ERROR', 1])
    await expect(resource.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    expect(resource.tell('ping 2')).toBe(false)
    await resource.close()
  })

  it('T14 is one for which somebody said so: who says nothing gets a restart with backoff (in Pekko the default is to stop)', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a')
    const root = await grow([child], { policies: {} })
    expect(root.children()[0]?.restart).toBe('permanent')
    await crash(root, child, new Exc3())
    expect(incarnations(root)).toEqual({ a: 'CLOSED' })
    await clock.advance(200)
    expect(incarnations(root)).toEqual({ a: 2 })
    await root.close()
  })

  it('T23 because nobody supervises it is released once, when its owner closes it', async () => {
    const { resource, told, clock } = alone()
    await resource.initialize()
    resource.fail(new Exc3('boom'))
    await clock.advance(60_000)
    expect(told()).toEqual(['lonely starts'])
    await resource.close()
    await resource.close()
    expect([resource.state, told()]).toEqual(['CLOSED', ['lonely stopped']])
    expect(clock.pending).toBe(0)
  })

  it('T15 is stopped and released at its first failure when its restart type is temporary', async () => {
    const { actor, grow, crash, told } = world()
    const child = actor('a', {}, { restart: 'temporary' })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child, new Exc3())
    expect([ref.state, root.children()]).toEqual(['CLOSED', []])
    await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    expect(told()).toEqual(['a starts', 'a stopped'])
    await root.close()
  })

  it('T16 and that fails to start is released, forgotten, and its error handed to whoever started it', async () => {
    const { actor, grow, told, clock } = world()
    const start = () => {
      throw new Exc3('in setup')
    }
    const root = await grow()
    await expect(root.start(actor('a', { start }, { restart: 'temporary' }).typed)).rejects.toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: expect.stringContaining('in setup'),
    })
    expect([root.children(), told()]).toEqual([[], ['a starts', 'a stopped']])
    await root.close()
    expect(clock.pending).toBe(0)
  })
})

describe('a limit of restarts', () => {
  it('T9 lets two failures pass and no third: the child ends, and its supervisor with it, as in OTP (in Pekko only the child does)', async () => {
    const { actor, grow, crash, told } = world()
    const child = actor('a', {}, { policy: limit(2, 60_000) })
    const root = await grow([child])
    const ref = root.ref(child.definition, 'a')
    await crash(root, child)
    await crash(root, child)
    expect([await ref.ask('state'), ref.incarnation]).toEqual([0, 3])
    await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
    await expect(ref.ready()).rejects.toMatchObject({ code: 'EXO_INTENSITY_EXCEEDED' })
    expect(told()).toEqual(Array.from({ length: 3 }, () => ['a starts', 'a stopped']).flat())
  })

  it('T26 of the supervisor counts the failures of all its children together, beside the limit of each', async () => {
    const { actor, grow, crash } = world()
    const [a, b] = [actor('a'), actor('b')]
    const root = await grow([a, b], { intensity: { restarts: 2, within: 500 } })
    await crash(root, a)
    await crash(root, b)
    expect(incarnations(root)).toEqual({ a: 2, b: 2 })
    await crash(root, a)
    expect(await root.closed).toMatchObject(gaveUp)
    await expect(root.ref('b').ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('T10 counts anew after the window: twice two failures in two windows are well, one more is not', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: limit(2, 2_000) })
    const root = await grow([child])
    await crash(root, child)
    await crash(root, child)
    await clock.advance(2_001)
    await crash(root, child)
    await crash(root, child)
    expect(incarnations(root)).toEqual({ a: 5 })
    await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
  })

  it('T27 slides, as in OTP: a failure counts until exactly the window after it (in Pekko all counts fall to zero together)', async () => {
    const { actor, grow, crash, clock } = world()
    const child = actor('a', {}, { policy: limit(2, 500) })
    const root = await grow([child])
    await crash(root, child)
    await clock.advance(300)
    await crash(root, child)
    await clock.advance(201)
    // The first one has left the window, the second has not.
    await crash(root, child)
    expect(incarnations(root)).toEqual({ a: 4 })
    expect(root.children()[0]?.window).toEqual({ used: 2, limit: 2, within: 500 })
    await clock.advance(299)
    await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
  })

  it('T11 of zero stops at the first failure', async () => {
    const { actor, grow, crash, told } = world()
    const child = actor('a', {}, { policy: limit(0, 60_000) })
    const root = await grow([child])
    await crash(root, child)
    expect(await root.closed).toMatchObject(gaveUp)
    expect(told()).toEqual(['a starts', 'a stopped'])
  })
})
