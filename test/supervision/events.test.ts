import { describe, expect, it } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { lifecycleMachine } from '../../machines/lifecycle.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'
import { scripted } from '../resources/scripted.ts'
import { grow, kid } from './tree.ts'

describe('the events of a supervisor', () => {
  it('carry who, when, which incarnation and attempt, how much of the intensity is spent, and why', async () => {
    const { root, clock, events } = await grow([kid('a').spec])
    await clock.advance(40)
    root.ref('a').fail(new Error('lost'))
    await clock.advance(100)
    expect(events.find(({ type }) => type === 'failed')).toEqual({
      type: 'failed',
      at: 40,
      supervisor: 'root',
      name: 'a',
      kind: 'scripted',
      incarnation: 1,
      attempt: 0,
      window: { used: 0, limit: 3, within: 60_000 },
      error: { code: 'EXO_RESOURCE_FAILED', message: 'scripted "a" failed: lost' },
      causes: [{ message: 'lost' }],
      directive: 'restart',
    })
    expect(events.find(({ type }) => type === 'backoff_scheduled')).toMatchObject({
      at: 40,
      delay: 100,
      attempt: 1,
    })
    expect(events.find(({ type }) => type === 'restarted')).toMatchObject({
      at: 140,
      incarnation: 2,
      window: { used: 1 },
    })
    expect(JSON.parse(JSON.stringify(events))).toEqual(events)
    await root.close()
  })

  it('are told to listeners that come later too, and the listener that throws harms nobody', async () => {
    const { root, clock, logged } = await grow([kid('a').spec], {
      onEvent: () => {
        throw new Error('bad listener')
      },
    })
    const types: string[] = []
    const leave = root.onEvent(({ type }) => void types.push(type))
    root.ref('a').fail('x')
    await clock.advance(100)
    expect(types).toEqual([
      'failed',
      'child_terminated',
      'backoff_scheduled',
      'started',
      'ready',
      'restarted',
    ])
    leave()
    await root.close()
    expect(types).toHaveLength(6)
    expect(logged).toContain('a listener for supervision events threw at failed')
  })

  it('are logged, one line each, the serious ones louder', async () => {
    const lines: string[] = []
    const level = (name: string) => (_: object, message: string) => void lines.push(`${name} ${message}`)
    const log = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') }
    const { root, clock } = await grow([kid('a', {}, { policy: { intensity: { restarts: 0 } } }).spec], {
      log,
    })
    root.ref('a').fail(new Error('lost'))
    await clock.advance(0)
    await root.closed
    expect(lines).toContain('info scripted "a" ready')
    expect(lines).toContain('warn scripted "a" failed: scripted "a" failed: lost')
    expect(lines.find(line => line.startsWith('error scripted "a" gave up: supervisor "root"'))).toBeDefined()
  })

  it('that are summed up are so at the latest when the tree ends, which leaves no timer', async () => {
    const kids = Array.from({ length: 200 }, (_, at) => kid(`k${at}`, {}, { restart: 'temporary' }))
    const { root, clock, logged } = await grow(kids.map(({ spec }) => spec))
    for (const { lives } of kids) lives[0]?.self.fail(new Error('lost'))
    await clock.settle()
    const before = logged.length
    await root.close()
    expect([clock.pending, logged.length > before]).toEqual([0, true])
  })

  it('announce each dead letter, but log only the 1st, 2nd, 4th, 8th ... of a flood', async () => {
    const { root, events, logged } = await grow([kid('a').spec])
    const ref = root.ref('a')
    await root.stop('a')
    for (let index = 0; index < 100; index += 1) ref.tell('x')
    const letters = events.filter(({ type }) => type === 'dead_letter')
    expect(letters).toHaveLength(100)
    expect(letters.at(-1)).toMatchObject({ count: 100, reason: 'closed' })
    expect(logged.filter(line => line.includes('dead letter'))).toHaveLength(7)
    await root.close()
  })

  it('of a child are remembered, its restarts included, until it is removed', async () => {
    const { root, clock, events } = await grow([kid('a').spec, kid('b').spec])
    expect(root.history('a')).toEqual([])
    for (let round = 0; round < 3; round += 1) {
      root.ref('a').fail('x')
      await clock.advance(1_000)
    }
    const ofA = events.filter(({ name }) => name === 'a')
    expect(root.history('a')).toEqual(ofA.slice(2))
    expect(root.history('a').filter(({ type }) => type === 'restarted')).toHaveLength(3)
    expect(root.history('b')).toEqual([])
    expect(() => root.history('c')).toThrow(expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN' }))
    await root.remove('a')
    expect(() => root.history('a')).toThrow(expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN' }))
    await root.start(kid('a').typed)
    expect(root.history('a')).toEqual([])
    await root.close()
  })

  it('tell of whatever is thrown, also of what has no text', async () => {
    const a = kid('a', {}, { policy: { backoff: { initial: 10, factor: 1 } } })
    const { root, clock, events } = await grow([a.spec])
    const odd = [
      Object.create(null),
      Object.assign(new Error('x'), { message: Object.create(null) }),
      Symbol('s'),
    ]
    for (const thrown of odd) {
      root.ref('a').fail(thrown)
      await clock.advance(10)
    }
    const failed = events.filter(({ type }) => type === 'failed')
    expect(failed.map(({ error }) => error?.message)).toEqual([
      'scripted "a" failed: a value without a text: [object Object]',
      'scripted "a" failed: a value without a text: [object Error]',
      'scripted "a" failed: Symbol(s)',
    ])
    expect(root.ref('a').lastError?.causes).toEqual(['Symbol(s)'])
    await root.close()
    const bad = kid('bad', { initialize: 'wait' })
    const starting = grow([bad.spec])
    bad.lives[0]?.initialized.reject(odd[0] as never)
    await expect(starting).rejects.toMatchObject({ code: 'EXO_RESOURCE_FAILED' })
  })

  it('show a cleanup that threw', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, events } = await grow([a.spec])
    const closing = root.close()
    a.lives[0]?.cleaned.reject(new Error('disk full'))
    await closing
    expect(events.find(({ type }) => type === 'shutdown_error')).toMatchObject({
      name: 'a',
      error: { message: 'the cleanup of scripted "a" failed: disk full' },
    })
  })

  it('name the incarnation whose cleanup threw, also when it was left behind and a successor lives', async () => {
    const a = kid('a', { cleanup: 'wait' })
    const { root, clock, events } = await grow([a.spec])
    root.ref('a').fail('x')
    await clock.advance(400)
    expect(root.ref('a')).toMatchObject({ state: 'READY', incarnation: 2 })
    a.lives[0]?.cleaned.reject(new Error('disk full'))
    await clock.settle()
    const errors = events.filter(({ type }) => type === 'shutdown_error')
    expect(errors.map(({ incarnation, error }) => [incarnation, error?.code])).toEqual([
      [1, 'EXO_SHUTDOWN_TIMEOUT'],
      [1, 'EXO_RESOURCE_FAILED'],
    ])
    a.lives[1]?.cleaned.resolve()
    await root.close()
  })
})

describe('the state of a supervisor', () => {
  it('is what its machine says: restarting while a child is between two incarnations', async () => {
    const seen: string[] = []
    const { root, clock } = await grow([kid('a').spec], {
      inspect: event => {
        if (event.type === '@xstate.snapshot' && 'value' in event.snapshot) {
          seen.push(`${(event.actorRef as { id?: string }).id} ${JSON.stringify(event.snapshot.value)}`)
        }
      },
    })
    root.ref('a').fail('x')
    await clock.advance(100)
    await root.close()
    expect([...new Set(seen)]).toEqual([
      'root#1 "UNINITIALIZED"',
      'a#1 "UNINITIALIZED"',
      'a#1 "INITIALIZING"',
      'root#1 {"INITIALIZING":"starting"}',
      'a#1 "READY"',
      'root#1 {"READY":"idle"}',
      'a#1 "ERROR"',
      'a#1 "CLOSING"',
      'root#1 {"READY":"restarting"}',
      'a#1 "CLOSED"',
      'a#2 "UNINITIALIZED"',
      'a#2 "INITIALIZING"',
      'a#2 "READY"',
      'root#1 "CLOSING"',
      'a#2 "CLOSING"',
      'a#2 "CLOSED"',
      'root#1 "CLOSED"',
    ])
  })

  it('is told to subscribers, and ready waits for it', async () => {
    const { root } = await grow([])
    const states: string[] = []
    root.subscribe(({ state }) => void states.push(state))
    await root.ready()
    await root.close()
    expect(states).toEqual(['CLOSING', 'CLOSED'])
    await expect(root.ready()).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('ends with the block that awaits using it', async () => {
    const a = kid('a')
    {
      await using root = await supervise({ clock: new VirtualClock(), children: [a.spec] })
      expect(root.name).toBe('root')
    }
    expect(a.lives[0]?.cleanups).toHaveLength(1)
  })
})

describe('inspecting', () => {
  it('can begin at any time, shows the whole tree with parents, and can end', async () => {
    const { root } = await grow([kid('a').spec, kid('b').spec])
    const seen: InspectionEvent[] = []
    const detach = root.inspect(event => void seen.push(event))
    const ids = seen
      .filter(({ type }) => type === '@xstate.actor')
      .map(({ actorRef }) => {
        const { id, _parent } = actorRef as { id?: string; _parent?: { id: string } }
        return `${_parent?.id ?? ''} > ${id}`
      })
    expect(ids).toEqual([' > root#1', 'root#1 > a#1', 'root#1 > b#1'])
    detach()
    const before = seen.length
    await root.close()
    expect(seen).toHaveLength(before)
  })

  it('by an observer that throws does not reach the actors', async () => {
    const { root, clock, logged } = await grow([kid('a').spec], {
      inspect: () => {
        throw new Error('bad observer')
      },
    })
    root.ref('a').fail('x')
    await clock.advance(100)
    expect(root.ref('a').state).toBe('READY')
    expect(logged).toContain('an inspection observer of supervisor "root" threw')
    await root.close()
  })

  it('shows a machine that threw as failed, and the actor of the plain lifecycle that took over', async () => {
    const machine = lifecycleMachine({
      id: 'faulty',
      description: 'A machine with a fault.',
      facts: {},
      working: {
        initial: 'calm',
        states: { calm: { description: 'Calm.', on: { bang: { actions: 'bang' } } } },
      },
      actions: {
        bang: () => {
          throw new Error('bang')
        },
      },
    })
    const { definition, lives } = scripted({}, machine, 'faulty')
    const events: SupervisionEvent[] = []
    const { root, clock } = await grow([{ id: 'a', resource: definition, input: {} } as never], {
      onEvent: event => void events.push(event),
    })
    const statuses: string[] = []
    root.inspect(({ type, actorRef, ...rest }) => {
      if (type !== '@xstate.snapshot' || !('snapshot' in rest)) return
      statuses.push(`${(actorRef as { id?: string }).id} ${rest.snapshot.status}`)
    })
    lives[0]?.self.send({ type: 'bang' })
    await clock.advance(100)
    expect(statuses).toContain('a#1 error')
    expect(statuses).toContain('a#1! done')
    expect(events.map(({ type }) => type).slice(2)).toEqual([
      'failed',
      'child_terminated',
      'backoff_scheduled',
      'started',
      'ready',
      'restarted',
    ])
    expect(lives[0]?.cleanups).toHaveLength(1)
    await root.close()
  })
})
