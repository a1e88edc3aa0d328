import { describe, expect, it } from 'vitest'
import { peer } from '../../machines/index.ts'
import { lifecycle } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { StateChange } from '../../src/resources/types.ts'
import { scripted } from './scripted.ts'

function make(changes: Parameters<typeof scripted>[0] = {}, machine = lifecycle) {
  const clock = new VirtualClock()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const made = scripted(changes, machine)
  const resource = createResource(made.definition, {
    name: 'a',
    input: {},
    clock,
    log: { debug: note, info: note, warn: note, error: note },
  })
  return { clock, resource, logged, ...made }
}

describe('ready', () => {
  it('fails after its timeout and says what state the resource is in', async () => {
    const { resource, clock } = make({ initialize: 'wait' })
    const waiting = resource.initialize({ timeout: 50 }).catch((error: unknown) => error)
    await clock.advance(50)
    expect(await waiting).toMatchObject({
      code: 'EXO_READY_TIMEOUT',
      message: 'scripted "a" was not READY within 50 ms: it is INITIALIZING',
    })
    expect(resource.state).toBe('INITIALIZING')
  })

  it('is given up by its signal, before and during the waiting', async () => {
    const { resource } = make({ initialize: 'wait' })
    const controller = new AbortController()
    const waiting = resource.initialize({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toMatchObject({ code: 'EXO_ABORTED', cause: { message: 'enough' } })
    await expect(resource.ready({ signal: controller.signal })).rejects.toMatchObject({ code: 'EXO_ABORTED' })
  })

  it('waits in DEGRADED until the resource has recovered', async () => {
    const { resource, lives, clock } = make()
    await resource.initialize()
    resource.degrade('slow')
    let client: unknown
    void resource.ready().then(value => (client = value))
    await clock.settle()
    expect(client).toBeUndefined()
    lives[0]?.self.recovered()
    await clock.settle()
    expect(client).toBe(lives[0]?.client)
  })

  it('fails at once when the resource is closed, with the error that it had as cause', async () => {
    const { resource } = make()
    await resource.initialize()
    resource.fail(new Error('gone'))
    await expect(resource.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
    await resource.close()
    await expect(resource.ready()).rejects.toMatchObject({
      code: 'EXO_RESOURCE_CLOSED',
      cause: { code: 'EXO_RESOURCE_FAILED' },
    })
    await expect(resource.initialize()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('waits again as soon as READY is left, however often it was answered before, and minds its signal also in READY', async () => {
    const { resource, lives, clock } = make()
    await resource.initialize()
    const client = await resource.ready()
    expect(await resource.ready({ timeout: 1 })).toBe(client)
    // Nothing is made for a caller who need not wait.
    expect(resource.ready()).toBe(resource.ready())
    await expect(resource.ready({ signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
    resource.degrade('slow')
    const waiting = resource.ready({ timeout: 10 }).catch((error: unknown) => error)
    await clock.advance(10)
    expect(await waiting).toMatchObject({ code: 'EXO_READY_TIMEOUT' })
    lives[0]?.self.recovered()
    expect(await resource.ready()).toBe(client)
    resource.fail('gone')
    await expect(resource.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
  })

  it('leaves no timer behind, however it ends', async () => {
    const { resource, clock, lives } = make({ initialize: 'wait' })
    const waiting = resource.initialize({ timeout: 10_000 })
    lives[0]?.initialized.resolve()
    await waiting
    await resource.close()
    expect(clock.pending).toBe(0)
  })
})

describe('a ref', () => {
  it('tells its subscribers each change of state with its reason, until they leave', async () => {
    const { resource } = make()
    const changes: StateChange[] = []
    const leave = resource.subscribe(change => void changes.push(change))
    await resource.initialize()
    resource.degrade('slow')
    leave()
    await resource.close()
    expect(changes).toMatchObject([
      { previous: 'UNINITIALIZED', state: 'INITIALIZING', incarnation: 1 },
      { previous: 'INITIALIZING', state: 'READY' },
      { previous: 'READY', state: 'DEGRADED', error: { message: 'scripted "a" is degraded: slow' } },
    ])
  })

  it('is not harmed by a subscriber that throws, and the other subscribers are told all the same', async () => {
    const { resource, logged } = make()
    const states: string[] = []
    resource.subscribe(() => {
      throw new Error('bad subscriber')
    })
    resource.subscribe(({ state }) => void states.push(state))
    await resource.initialize()
    expect(states).toEqual(['INITIALIZING', 'READY'])
    expect(logged).toContain('a subscriber of scripted "a" threw')
  })

  it('lets a subscriber act on the resource: the changes arrive in order', async () => {
    const { resource } = make()
    const states: string[] = []
    resource.subscribe(({ state }) => {
      if (state === 'READY') resource.fail('at once')
    })
    resource.subscribe(({ state }) => void states.push(state))
    await resource.initialize().catch(() => undefined)
    expect(states).toEqual(['INITIALIZING', 'READY', 'ERROR'])
  })

  it('keeps the first of several errors', async () => {
    const { resource } = make()
    resource.subscribe(({ state }) => {
      if (state !== 'READY') return
      resource.fail(new Error('first'))
      resource.fail(new Error('second'))
    })
    await expect(resource.initialize().then(() => resource.ready())).rejects.toMatchObject({
      cause: { message: 'first' },
    })
  })

  it('has a client in READY and DEGRADED only', async () => {
    const { resource, lives } = make()
    expect(resource.client).toBeUndefined()
    await resource.initialize()
    resource.degrade('slow')
    expect(resource.client).toBe(lives[0]?.client)
    resource.fail('gone')
    expect(resource.client).toBeUndefined()
  })

  it('shows all there is as plain data', async () => {
    const { resource, clock } = make({}, peer)
    await clock.advance(5)
    await resource.initialize()
    const snapshot = resource.snapshot()
    expect(snapshot).toEqual({
      kind: 'scripted',
      name: 'a',
      displayName: 'a',
      state: 'READY',
      incarnation: 1,
      restarts: 0,
      value: { READY: 'idle' },
      since: 5,
      mailbox: 0,
      deadLetters: 0,
      lateAnswers: 0,
      suspended: false,
      ended: false,
    })
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
  })

  it('carries the events of the kind’s own machine, and none of the lifecycle', async () => {
    const { resource, lives } = make({}, peer)
    await resource.initialize()
    lives[0]?.self.send({ type: 'call.started' })
    expect(resource.snapshot().value).toEqual({ READY: 'calling' })
    expect(() => lives[0]?.self.send({ type: 'closed' })).toThrow(
      expect.objectContaining({ code: 'EXO_MESSAGE_UNHANDLED', message: expect.stringContaining('closed') }),
    )
    expect(() => lives[0]?.self.send({ type: 'xstate.stop' })).toThrow(/only the runtime/)
    expect(resource.state).toBe('READY')
  })

  it('takes no harm from a self that speaks after its end', async () => {
    const { resource, lives } = make()
    await resource.initialize()
    await resource.close()
    const { self } = lives[0]!
    self.fail('late')
    self.degrade('late')
    self.recovered()
    self.end()
    self.send({ type: 'call.started' })
    expect(resource.state).toBe('CLOSED')
  })

  it('hands nothing on that a self says in CLOSED: the actor, which has ended, gets no event', async () => {
    const { resource, lives } = make({}, peer)
    await resource.initialize()
    const late = () => lives[0]?.self.send({ type: 'call.started' })
    const sent: string[] = []
    resource.inspect(event => {
      if (event.type === '@xstate.event') sent.push(`${event.event.type} in ${resource.state}`)
    })
    resource.subscribe(late)
    await resource.close()
    late()
    expect(sent).toEqual(['close in READY', 'call.started in CLOSING', 'closed in CLOSING'])
  })

  it('is CLOSED after its resource ended by itself', async () => {
    const { resource, lives, clock } = make()
    await resource.initialize()
    lives[0]?.self.end('all done')
    await clock.settle()
    expect(resource.state).toBe('CLOSED')
    expect(lives[0]?.cleanups).toMatchObject([{ reason: 'all done' }])
  })
})

describe('defineResource', () => {
  const good = { kind: 'cache', machine: lifecycle, initialize: async () => 1 }

  it.each([
    ['kind', { kind: 'My Cache' }, 'kind is My Cache'],
    ['machine', { machine: undefined }, 'machine is without UNINITIALIZED'],
    ['initialize', { initialize: undefined }, 'initialize is undefined'],
    ['cleanup', { cleanup: true }, 'cleanup is boolean'],
  ])('refuses a wrong %s and names it', (_, change, message) => {
    expect(() => defineResource({ ...good, ...change } as never)).toThrow(
      expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('gives a definition that nobody can change any more', () => {
    expect(Object.isFrozen(defineResource(good))).toBe(true)
  })
})
