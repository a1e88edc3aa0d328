import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/index.ts'
import { type Deferred, deferred } from '../../src/concurrency/deferred.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { defineResource } from '../../src/resources/define.ts'
import { createResourceGroup } from '../../src/resources/group.ts'
import type { GroupOptions } from '../../src/resources/group-types.ts'
import type { ResourceSelf } from '../../src/resources/types.ts'
import { unhandledRejections } from './unhandled.ts'

const leaks = unhandledRejections()
beforeEach(leaks.watch)
afterEach(leaks.expectNone)

interface Actor {
  readonly self: ResourceSelf
  readonly signal: AbortSignal
  readonly initialized: Deferred<void>
  readonly cleaned: Deferred<void>
}

interface Part {
  /** Wait for the test to settle `initialized` or `cleaned`. */
  readonly start?: 'wait'
  readonly end?: 'wait'
}

const part = (story: string[], actors: Record<string, Actor>) =>
  defineResource<Part, string>({
    kind: 'part',
    machine: lifecycle,
    async initialize({ input, self, signal }) {
      story.push(`+${self.name}`)
      const actor = { self, signal, initialized: deferred<void>(), cleaned: deferred<void>() }
      actors[self.name] = actor
      signal.addEventListener('abort', () => story.push(`!${self.name}`), { once: true })
      if (input.start === 'wait') await actor.initialized.promise
      return self.name
    },
    async cleanup(client) {
      story.push(`-${client}`)
      const actor = actors[client ?? '']
      if (actor && waits.has(actor)) await actor.cleaned.promise
    },
  })

/** The cleanups that wait for the test. */
const waits = new WeakSet<Actor>()

function world(options: GroupOptions = {}) {
  const clock = new VirtualClock()
  const story: string[] = []
  const logged: string[] = []
  const actors: Record<string, Actor> = {}
  const definition = part(story, actors)
  const note = (_: object, message: string) => void logged.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const group = createResourceGroup({ name: 'g', clock, log, ...options })
  const states: string[] = []
  group.subscribe(({ state }) => states.push(state))
  const add = (name: string, input: Part = {}, dependsOn: string[] = []) =>
    group.addResource(definition, { name, input, dependsOn })
  /** Those whose cleanup the test will settle. */
  const hold = (...names: string[]) => names.forEach(name => void waits.add(actors[name]!))
  return { clock, story, actors, definition, group, states, add, hold, logged }
}

const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error)
const names = (group: { statuses(): readonly { name: string; state: string }[] }) =>
  group.statuses().map(({ name, state }) => `${name} ${state}`)

describe('initialising a group', () => {
  it('in sequence starts each resource after the one before it is READY', async () => {
    const { group, add, story, actors, clock, states } = world({ order: 'sequence' })
    await add('a', { start: 'wait' })
    await add('b')
    const waiting = group.initialize()
    await clock.settle()
    expect(story).toEqual(['+a'])
    expect(group.state).toBe('INITIALIZING')
    actors['a']?.initialized.resolve()
    await waiting
    expect(story).toEqual(['+a', '+b'])
    expect(states).toEqual(['INITIALIZING', 'READY'])
    await group.close()
    expect(clock.pending).toBe(0)
  })

  it('in parallel starts all at once', async () => {
    const { group, add, story, clock, actors } = world()
    for (const name of ['a', 'b', 'c']) await add(name, { start: 'wait' })
    const waiting = group.initialize()
    await clock.settle()
    expect(story).toEqual(['+a', '+b', '+c'])
    for (const actor of Object.values(actors)) actor.initialized.resolve()
    await waiting
    expect(group.state).toBe('READY')
  })

  it('in parallel never starts more side by side than it may', async () => {
    const { group, add, story, clock, actors } = world({ concurrency: 2 })
    for (const name of ['a', 'b', 'c', 'd']) await add(name, { start: 'wait' })
    const waiting = group.initialize()
    await clock.settle()
    expect(story).toEqual(['+a', '+b'])
    actors['b']?.initialized.resolve()
    await clock.settle()
    expect(story).toEqual(['+a', '+b', '+c'])
    actors['a']?.initialized.resolve()
    actors['c']?.initialized.resolve()
    await clock.settle()
    actors['d']?.initialized.resolve()
    await waiting
  })

  it('in parallel starts a resource once those it depends on are READY', async () => {
    const { group, add, story, clock, actors } = world()
    await add('disk', { start: 'wait' })
    await add('net', { start: 'wait' })
    await add('index', {}, ['disk'])
    await add('api', {}, ['index', 'net'])
    const waiting = group.initialize()
    await clock.settle()
    actors['disk']?.initialized.resolve()
    await clock.settle()
    expect(story).toEqual(['+disk', '+net', '+index'])
    actors['net']?.initialized.resolve()
    await waiting
    expect(story.at(-1)).toBe('+api')
  })

  it('leaves nothing behind of its caller: neither a timer nor a listener', async () => {
    const { group, add, clock } = world()
    await add('a')
    const { signal } = new AbortController()
    await group.initialize({ timeout: 1_000, signal })
    expect([clock.pending, getEventListeners(signal, 'abort')]).toEqual([0, []])
    await group.close('over', { signal })
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('without resources is READY at once', async () => {
    const { group } = world()
    await group.initialize()
    expect(group.state).toBe('READY')
  })

  it('happens once: all callers get the same outcome, and a later one may give up its own waiting', async () => {
    const { group, add, clock, actors, story } = world()
    await add('a', { start: 'wait' })
    const first = group.initialize()
    const abort = new AbortController()
    const second = caught(group.initialize({ signal: abort.signal }))
    const third = caught(group.initialize({ timeout: 10 }))
    abort.abort()
    await clock.advance(10)
    expect(await second).toMatchObject({ code: 'EXO_ABORTED' })
    expect(await third).toMatchObject({ code: 'EXO_READY_TIMEOUT' })
    expect(group.state).toBe('INITIALIZING')
    actors['a']?.initialized.resolve()
    await first
    await group.start()
    expect(story).toEqual(['+a'])
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
  })
})

describe('a group that cannot start', () => {
  it('closes those that are READY in reverse order, each cleanup awaited, before it says so', async () => {
    const { group, add, story, clock, actors, hold, states } = world({ order: 'sequence' })
    for (const name of ['a', 'b']) await add(name)
    await add('c', { start: 'wait' })
    await add('d')
    let told = false
    const waiting = caught(group.initialize()).then(error => {
      told = true
      return error
    })
    await clock.settle()
    hold('a', 'b')
    actors['c']?.initialized.reject(new Error('no route'))
    await clock.settle()
    expect(story).toEqual(['+a', '+b', '+c', '!c', '-undefined', '-b'])
    actors['b']?.cleaned.resolve()
    await clock.settle()
    expect(story.at(-1)).toBe('-a')
    expect(told).toBe(false)
    actors['a']?.cleaned.resolve()
    expect(await waiting).toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'group "g" could not start part "c": part "c" failed to initialise: no route',
      details: { group: 'g', name: 'c', failures: [], cleanupFailures: [] },
      cause: { cause: { message: 'no route' } },
    })
    expect(states).toEqual(['INITIALIZING', 'ERROR'])
    expect(names(group)).toEqual(['a CLOSED', 'b CLOSED', 'c CLOSED', 'd CLOSED'])
    expect(clock.pending).toBe(0)
  })

  it('keeps the code of the first failure and tells of the others that came with it', async () => {
    const { group, add, clock, actors } = world()
    for (const name of ['a', 'b', 'c']) await add(name, { start: 'wait' })
    const waiting = caught(group.initialize())
    await clock.settle()
    actors['b']?.initialized.reject(new ExovisorError('EXO_PORT_IN_USE', 'port 80 is in use'))
    actors['a']?.initialized.reject(new Error('no route'))
    actors['c']?.initialized.resolve()
    expect(await waiting).toMatchObject({
      code: 'EXO_PORT_IN_USE',
      details: {
        name: 'b',
        failures: [{ name: 'a', code: 'EXO_RESOURCE_FAILED', causes: ['no route'] }],
      },
    })
    expect(names(group)).toEqual(['a CLOSED', 'b CLOSED', 'c CLOSED'])
  })

  it('aborts those that still start, at once, and waits for their end', async () => {
    const { group, add, clock, actors, story } = world()
    await add('a', { start: 'wait' })
    await add('b', { start: 'wait' })
    const waiting = caught(group.initialize())
    await clock.settle()
    actors['a']?.initialized.reject(new Error('no'))
    await clock.settle()
    expect(actors['b']?.signal.aborted).toBe(true)
    expect(names(group)).toEqual(['a ERROR', 'b CLOSING'])
    actors['b']?.initialized.resolve()
    await waiting
    expect(story).toEqual(['+a', '+b', '!a', '!b', '-b', '-undefined'])
  })

  it('tells of cleanups that fail in the roll-back, and still closes the rest', async () => {
    const { group, add, clock, actors, hold } = world({ order: 'sequence' })
    for (const name of ['a', 'b']) await add(name)
    await add('c', { start: 'wait' })
    const waiting = caught(group.initialize())
    await clock.settle()
    hold('b')
    actors['b']?.cleaned.reject(new Error('disk full'))
    actors['c']?.initialized.reject(new Error('no'))
    expect(await waiting).toMatchObject({
      message: expect.stringContaining('part "c"'),
      details: { cleanupFailures: [{ message: 'the cleanup of part "b" failed: disk full' }] },
    })
    expect(names(group)).toEqual(['a CLOSED', 'b CLOSED', 'c CLOSED'])
  })

  it('rolls back when a resource that was READY fails before all are', async () => {
    const { group, add, clock, actors } = world()
    await add('a')
    await add('b', { start: 'wait' })
    const waiting = caught(group.initialize())
    await clock.settle()
    actors['a']?.self.fail(new Error('crash'))
    await clock.settle()
    actors['b']?.initialized.resolve()
    expect(await waiting).toMatchObject({
      message: 'group "g" could not start part "a": part "a" failed: crash',
    })
    expect(group.state).toBe('ERROR')
  })

  it('gives every later caller the same error, takes no resource any more, and can be closed', async () => {
    const { group, add, clock, actors, states } = world()
    await add('a', { start: 'wait' })
    const waiting = caught(group.initialize())
    await clock.settle()
    actors['a']?.initialized.reject(new Error('no'))
    const error = await waiting
    expect(await caught(group.initialize())).toBe(error)
    expect(group.failure).toBe(error)
    expect(await caught(add('b'))).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(await group.close()).toEqual([])
    expect(states).toEqual(['INITIALIZING', 'ERROR', 'CLOSING', 'CLOSED'])
    expect(await caught(group.initialize())).toBe(error)
  })
})

describe('giving up the start of a group', () => {
  it('by the signal of the first caller rolls back, and rejects when that has ended', async () => {
    const { group, add, clock, actors, story, hold } = world()
    const abort = new AbortController()
    await add('a')
    await add('b', { start: 'wait' })
    await add('c', {}, ['b'])
    const waiting = caught(group.initialize({ signal: abort.signal }))
    await clock.settle()
    hold('a')
    abort.abort('user left')
    await clock.settle()
    expect(story).toEqual(['+a', '+b', '!b'])
    actors['b']?.initialized.resolve()
    await clock.settle()
    expect(story).toEqual(['+a', '+b', '!b', '-b', '-a'])
    actors['a']?.cleaned.resolve()
    expect(await waiting).toMatchObject({ code: 'EXO_ABORTED', cause: 'user left' })
    expect(group.state).toBe('ERROR')
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('by its timeout does the same', async () => {
    const { group, add, clock, actors } = world()
    await add('a', { start: 'wait' })
    const waiting = caught(group.initialize({ timeout: 100 }))
    await clock.advance(100)
    actors['a']?.initialized.resolve()
    expect(await waiting).toMatchObject({
      code: 'EXO_READY_TIMEOUT',
      message: 'the start of group "g" took longer than 100 ms',
    })
    expect(clock.pending).toBe(0)
  })

  it('before it began changes nothing', async () => {
    const { group, add, story } = world()
    await add('a')
    expect(await caught(group.initialize({ signal: AbortSignal.abort('no') }))).toMatchObject({
      code: 'EXO_ABORTED',
    })
    expect([group.state, story]).toEqual(['UNINITIALIZED', []])
    await group.initialize()
    expect(group.state).toBe('READY')
  })

  it('by closing it aborts what starts, and whoever waits is told that the group is closed', async () => {
    const { group, add, clock, actors, story, states } = world({ order: 'sequence' })
    await add('a')
    await add('b', { start: 'wait' })
    await add('c')
    const waiting = caught(group.initialize())
    await clock.settle()
    const closing = group.close()
    expect(group.state).toBe('CLOSING')
    actors['b']?.initialized.resolve()
    expect(await closing).toEqual([])
    expect(await waiting).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(story).toEqual(['+a', '+b', '!b', '-b', '-a'])
    expect(states).toEqual(['INITIALIZING', 'CLOSING', 'CLOSED'])
    expect(clock.pending).toBe(0)
  })
})

describe('closing a group', () => {
  async function ready(options: GroupOptions = {}) {
    const made = world(options)
    await made.add('a')
    await made.add('b', {}, ['a'])
    await made.add('c', {}, ['a'])
    await made.add('d')
    await made.group.initialize()
    made.story.length = 0
    return made
  }

  it('goes in the reverse order of adding, one after the other, each cleanup awaited', async () => {
    const { group, story, hold, actors, clock } = await ready()
    hold('c')
    const closing = group.close()
    await clock.settle()
    expect(story).toEqual(['-d', '-c'])
    actors['c']?.cleaned.resolve()
    await closing
    expect(story).toEqual(['-d', '-c', '-b', '-a'])
    expect(clock.pending).toBe(0)
  })

  it('goes on past cleanups that fail, and gives all that went wrong', async () => {
    const { group, hold, actors, story, clock, logged } = await ready()
    hold('d', 'b')
    const closing = group.close()
    await clock.settle()
    actors['d']?.cleaned.reject(new Error('disk full'))
    await clock.advance(5_000)
    const failures = await closing
    expect(failures).toMatchObject([
      { code: 'EXO_RESOURCE_FAILED', message: 'the cleanup of part "d" failed: disk full' },
      { code: 'EXO_SHUTDOWN_TIMEOUT' },
    ])
    expect(group.cleanupFailures).toEqual(failures)
    expect(group.snapshot().cleanupFailures).toMatchObject([{ code: 'EXO_RESOURCE_FAILED' }, {}])
    expect(logged).toContain('the cleanup of part "d" failed: disk full')
    expect(story).toEqual(['-d', '-c', '-b', '-a'])
    expect(group.state).toBe('CLOSED')
  })

  it('side by side closes what nothing depends on any more, and no more at once than it may', async () => {
    const { group, hold, actors, story, clock } = await ready({ closeOrder: 'parallel', concurrency: 2 })
    hold('b', 'c', 'd')
    const closing = group.close()
    await clock.settle()
    expect(story).toEqual(['-d', '-c'])
    actors['d']?.cleaned.resolve()
    await clock.settle()
    expect(story).toEqual(['-d', '-c', '-b'])
    actors['b']?.cleaned.resolve()
    await clock.settle()
    expect(story).toHaveLength(3)
    actors['c']?.cleaned.resolve()
    await closing
    expect(story.at(-1)).toBe('-a')
  })

  it('closes everything at once when there is no more time', async () => {
    const { group, hold, actors, story, clock } = await ready()
    const hurry = new AbortController()
    hold('d')
    const closing = group.close('over', { signal: hurry.signal })
    await clock.settle()
    hurry.abort()
    await clock.settle()
    expect(story).toEqual(['-d', '-a', '-b', '-c'])
    actors['d']?.cleaned.resolve()
    await closing
    expect(getEventListeners(hurry.signal, 'abort')).toEqual([])
  })

  it('happens once however often it is asked for, also by its older name and by await using', async () => {
    const { group, story } = await ready()
    await Promise.all([group.close(), group.stop(), group[Symbol.asyncDispose]()])
    expect(story).toEqual(['-d', '-c', '-b', '-a'])
    {
      await using other = createResourceGroup({ clock: new VirtualClock() })
      await other.initialize()
    }
  })

  it('without ever having started runs no cleanup', async () => {
    const { group, add, story, states } = world()
    await add('a')
    await group.close()
    expect([story, states, names(group)]).toEqual([[], ['CLOSED'], ['a CLOSED']])
    expect(await caught(group.initialize())).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(await caught(add('b'))).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })
})

describe('the state of a group', () => {
  async function ready() {
    const made = world()
    for (const name of ['a', 'b']) await made.add(name)
    await made.group.initialize()
    return made
  }

  it('is DEGRADED while one of its resources is, and says which', async () => {
    const { group, actors } = await ready()
    const changes: unknown[] = []
    group.subscribe(({ state, error }) => changes.push([state, error?.message]))
    actors['b']?.self.degrade(new Error('slow'))
    actors['a']?.self.degrade(new Error('slow too'))
    actors['b']?.self.recovered()
    expect(group.state).toBe('DEGRADED')
    actors['a']?.self.recovered()
    expect(changes).toEqual([
      ['DEGRADED', 'group "g" is degraded by part "b": part "b" is degraded: slow'],
      ['READY', undefined],
    ])
    expect(group.snapshot()).toMatchObject({
      kind: 'group',
      state: 'READY',
      lastError: { code: 'EXO_RESOURCE_FAILED' },
    })
  })

  it('is ERROR when one has failed or has ended by itself, while the others go on', async () => {
    for (const end of ['fail', 'end'] as const) {
      const { group, actors, clock } = await ready()
      actors['a']?.self[end]('x')
      await clock.settle()
      expect(group.state).toBe('ERROR')
      expect(group.failure?.code).toBe(end === 'fail' ? 'EXO_RESOURCE_FAILED' : 'EXO_RESOURCE_CLOSED')
      expect(group.getResource('b').state).toBe('READY')
      expect(await caught(group.initialize())).toBe(group.failure)
      await group.close()
    }
  })

  it('is READY again once a failed resource was removed and another one took its name', async () => {
    const { group, add, actors, states } = await ready()
    actors['a']?.self.fail(new Error('crash'))
    await group.removeResource('a')
    await add('a')
    expect(names(group)).toEqual(['b READY', 'a READY'])
    expect(states).toEqual(['INITIALIZING', 'READY', 'ERROR', 'READY'])
  })

  it('is told to every subscriber, also when one of them throws, until it is taken back', async () => {
    const { group, actors, logged } = await ready()
    const seen: string[] = []
    group.subscribe(() => {
      throw new Error('bad listener')
    })
    const unsubscribe = group.subscribe(({ state }) => seen.push(state))
    actors['a']?.self.degrade('slow')
    unsubscribe()
    actors['a']?.self.recovered()
    expect(seen).toEqual(['DEGRADED'])
    expect(logged).toContain('a subscriber of group "g" threw')
  })

  it('is plain data with all its resources', async () => {
    const { group, definition } = world()
    await group.addResource(definition, { name: 'a', input: {} })
    await group.addResource(definition, { name: 'b', input: {}, dependsOn: ['a'] })
    await group.initialize()
    const snapshot = group.snapshot()
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    expect(snapshot.resources).toMatchObject([
      { kind: 'part', name: 'a', displayName: 'a', state: 'READY', incarnation: 1, dependsOn: [] },
      { name: 'b', dependsOn: ['a'] },
    ])
  })
})

describe('adding to a group', () => {
  it('that initialises takes part in it', async () => {
    const { group, add, clock, actors, story } = world({ order: 'sequence' })
    await add('a', { start: 'wait' })
    const waiting = group.initialize()
    await clock.settle()
    const added = add('b', { start: 'wait' }, ['a'])
    actors['a']?.initialized.resolve()
    await clock.settle()
    expect(story).toEqual(['+a', '+b'])
    expect(group.state).toBe('INITIALIZING')
    actors['b']?.initialized.resolve()
    await waiting
    expect((await added).state).toBe('READY')
  })

  it('that initialises holds up READY in whatever moment it is added', async () => {
    for (let hops = 0; hops < 30; hops += 1) {
      const { group, add, clock, actors } = world()
      await add('a', { start: 'wait' })
      const waiting = group.initialize()
      await clock.settle()
      actors['a']?.initialized.resolve()
      for (let hop = 0; hop < hops; hop += 1) await Promise.resolve()
      const before = group.state
      const added = add('b', { start: 'wait' })
      await clock.settle()
      expect([hops, group.state]).toEqual([hops, before])
      actors['b']?.initialized.resolve()
      await Promise.all([waiting, added])
      expect([group.state, names(group)]).toEqual(['READY', ['a READY', 'b READY']])
      await group.close()
    }
  })

  it('that initialises fails with it', async () => {
    const { group, add, clock, actors } = world()
    await add('a', { start: 'wait' })
    const waiting = caught(group.initialize())
    await clock.settle()
    const added = caught(add('b', { start: 'wait' }, ['a']))
    actors['a']?.initialized.reject(new Error('no'))
    expect(await added).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(await waiting).toMatchObject({ details: { name: 'a' } })
  })

  it('that is READY starts the resource, and it counts once it is READY', async () => {
    const { group, add, clock, actors, states } = world()
    await group.initialize()
    const added = add('a', { start: 'wait' })
    await clock.settle()
    expect(group.state).toBe('READY')
    actors['a']?.initialized.resolve()
    expect((await added).state).toBe('READY')
    actors['a']?.self.degrade('slow')
    expect(states).toEqual(['INITIALIZING', 'READY', 'DEGRADED'])
  })

  it('that is READY forgets a resource that cannot start, and stays as it was', async () => {
    const { group, add, clock, actors, story } = world()
    await group.initialize()
    const added = caught(add('a', { start: 'wait' }))
    await clock.settle()
    actors['a']?.initialized.reject(new ExovisorError('EXO_PORT_IN_USE', 'port 80 is in use'))
    expect(await added).toMatchObject({
      code: 'EXO_PORT_IN_USE',
      message: 'group "g" could not start part "a": port 80 is in use',
    })
    expect([group.state, names(group), story]).toEqual(['READY', [], ['+a', '!a', '-undefined']])
  })

  it('that is READY waits for those it depends on, also when they were only just added', async () => {
    const { group, add, clock, actors, story } = world()
    await group.initialize()
    const added = [add('a', { start: 'wait' }), add('b', {}, ['a'])]
    await clock.settle()
    expect(story).toEqual(['+a'])
    actors['a']?.initialized.resolve()
    await Promise.all(added)
    expect(story).toEqual(['+a', '+b'])
  })

  it('that is closed meanwhile leaves nothing open', async () => {
    const { group, add, clock, actors, story } = world()
    await group.initialize()
    const added = [caught(add('a', { start: 'wait' })), caught(add('b', {}, ['a']))]
    await clock.settle()
    const closing = group.close()
    actors['a']?.initialized.resolve()
    await closing
    for (const error of await Promise.all(added)) expect(error).toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    expect(story).toEqual(['+a', '!a', '-a'])
    expect(clock.pending).toBe(0)
  })

  it('refuses a name that is taken, an unknown dependency and other faults, and changes nothing', async () => {
    const { group, add, definition } = world()
    await add('sessions')
    const wrong: [object, string][] = [
      [{ name: 'sessions' }, 'name is "sessions", expected a name that the group does not have yet'],
      [{ name: '' }, 'name is "", expected a text of 1 to 256 characters'],
      [{ name: 7 }, 'name is 7'],
      [{ name: 'x'.repeat(257) }, 'expected a text of 1 to 256 characters'],
      [{ name: 'b', dependsOn: ['sesions'] }, 'added before, did you mean "sessions"?'],
      [{ name: 'b', dependsOn: ['b'] }, 'dependsOn of resource "b" is "b"'],
      [{ name: 'b', dependsOn: 'sessions' }, 'expected a list of names'],
      [{ name: 'b', mailbox: 0 }, 'mailbox of resource "b" is 0'],
    ]
    for (const [options, message] of wrong) {
      const error = await caught(group.addResource(definition, { input: {}, ...options } as never))
      expect(error).toMatchObject({
        code: 'EXO_CHILD_SPEC_INVALID',
        message: expect.stringContaining(message),
      })
    }
    const missing = await caught(group.addResource(undefined as never, { name: 'b', input: {} }))
    expect(missing).toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    expect(names(group)).toEqual(['sessions UNINITIALIZED'])
  })

  it('is refused for a group with wrong values', () => {
    for (const options of [{ order: 'random' }, { closeOrder: 1 }, { concurrency: 0 }, { name: '' }]) {
      const [field = ''] = Object.keys(options)
      expect(() => createResourceGroup(options as never)).toThrow(
        expect.objectContaining({ code: 'EXO_CHILD_SPEC_INVALID', message: expect.stringContaining(field) }),
      )
    }
  })
})

describe('getting and removing a resource of a group', () => {
  it('gives its ref, typed by its definition', async () => {
    const { group, add, definition } = world()
    const added = await add('a')
    await group.initialize()
    const client: string = await group.getResource(definition, 'a').ready()
    expect(client).toBe('a')
    expect(group.getResource('a')).toBe(added)
  })

  it('names the nearest one for a name that is not there', async () => {
    const { group, add } = world()
    await add('sessions')
    await add('disk')
    expect(() => group.getResource('sesion')).toThrow(
      expect.objectContaining({
        code: 'EXO_CHILD_UNKNOWN',
        message: 'group "g" has no resource "sesion", did you mean "sessions"? It has: sessions, disk',
      }),
    )
    await expect(group.removeResource('x')).rejects.toMatchObject({ code: 'EXO_CHILD_UNKNOWN' })
  })

  it('refuses another definition than the one it was added with', async () => {
    const { group, add } = world()
    await add('a')
    expect(() => group.getResource(part([], {}), 'a')).toThrow(
      expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN', message: expect.stringContaining('kind part') }),
    )
  })

  it('closes what is removed, awaited, and frees its name', async () => {
    const { group, add, hold, actors, clock, story } = world()
    await add('a')
    await group.initialize()
    hold('a')
    const removing = group.removeResource('a')
    await clock.settle()
    expect(await caught(add('a'))).toMatchObject({ code: 'EXO_CHILD_SPEC_INVALID' })
    actors['a']?.cleaned.resolve()
    await removing
    expect([group.state, names(group)]).toEqual(['READY', []])
    await add('a')
    expect(story).toEqual(['+a', '-a', '+a'])
  })

  it('refuses to remove what others depend on', async () => {
    const { group, add } = world()
    await add('a')
    await add('b', {}, ['a'])
    await expect(group.removeResource('a')).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringContaining('others depend on it: b'),
    })
    await group.removeResource('b')
    await group.removeResource('a')
    expect(group.statuses()).toEqual([])
  })

  it('takes out of a start what has not begun', async () => {
    const { group, add, clock, actors, story } = world({ order: 'sequence' })
    await add('a', { start: 'wait' })
    await add('b')
    const waiting = group.initialize()
    await clock.settle()
    await group.removeResource('b')
    actors['a']?.initialized.resolve()
    await waiting
    expect([story, names(group)]).toEqual([['+a'], ['a READY']])
  })

  it('takes one out of a start that is under way', async () => {
    const { group, add, clock, actors } = world()
    await add('a')
    await add('b', { start: 'wait' })
    const waiting = group.initialize()
    await clock.settle()
    const removing = group.removeResource('b')
    actors['b']?.initialized.resolve()
    await removing
    await waiting
    expect(names(group)).toEqual(['a READY'])
  })
})
