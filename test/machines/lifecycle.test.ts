import { describe, expect, it } from 'vitest'
import { createActor, createMachine } from 'xstate'
import { getAdjacencyMap } from 'xstate/graph'
import {
  type AnyLifecycleMachine,
  type LifecycleEvent,
  type LifecycleState,
  lifecycle,
  lifecycleEvents,
  lifecycleStates,
  machines,
} from '../../machines/index.ts'

/** The table of the design, written down a second time. */
const legal: Readonly<Record<LifecycleState, Partial<Record<LifecycleEvent['type'], LifecycleState>>>> = {
  UNINITIALIZED: { initialize: 'INITIALIZING', close: 'CLOSED' },
  INITIALIZING: { initialized: 'READY', fail: 'ERROR', 'start.timeout': 'ERROR', close: 'CLOSING' },
  READY: { degrade: 'DEGRADED', fail: 'ERROR', close: 'CLOSING' },
  DEGRADED: { recovered: 'READY', fail: 'ERROR', close: 'CLOSING' },
  ERROR: { close: 'CLOSING' },
  CLOSING: { closed: 'CLOSED', 'shutdown.timeout': 'CLOSED' },
  CLOSED: {},
}

const wayTo: Readonly<Record<LifecycleState, readonly string[]>> = {
  UNINITIALIZED: [],
  INITIALIZING: ['initialize'],
  READY: ['initialize', 'initialized'],
  DEGRADED: ['initialize', 'initialized', 'degrade'],
  ERROR: ['initialize', 'fail'],
  CLOSING: ['initialize', 'close'],
  CLOSED: ['close'],
}

const topOf = (value: unknown): string =>
  typeof value === 'string' ? value : Object.keys(value as object)[0]!

function actorIn(machine: AnyLifecycleMachine, state: LifecycleState) {
  const actor = createActor(machine, { input: { name: 'x', kind: 'k', incarnation: 1, attempt: 0 } })
  actor.start()
  for (const type of wayTo[state]) actor.send({ type })
  return actor
}

const all = Object.entries(machines)
const domainEvents = [
  { type: 'call.started' },
  { type: 'call.ended' },
  { type: 'request.started' },
  { type: 'request.ended' },
  { type: 'peers.changed', count: 0 },
  { type: 'peers.changed', count: 2 },
  { type: 'prefill.started' },
  { type: 'decode.started' },
  { type: 'generation.ended' },
  { type: 'restart.began' },
  { type: 'restart.ended' },
  { type: 'gave_up' },
  { type: 'load.none' },
  { type: 'load.some' },
  { type: 'load.full' },
  { type: 'drain.began' },
]
const events = [...lifecycleEvents.map(type => ({ type, ok: true })), ...domainEvents]

/** Every reachable transition of a machine, as text; counters are kept small so that there is an end. */
function transitionsOf(machine: AnyLifecycleMachine): readonly string[] {
  const facts = (context: Record<string, unknown>) => {
    const { active, peers, generations, prefilling, restarting, load } = context
    return { active, peers, generations, prefilling, restarting, load }
  }
  const map = getAdjacencyMap(machine, {
    events,
    input: { name: 'x', kind: 'k', incarnation: 1, attempt: 0 },
    limit: 2_000,
    serializeState: ({ value, context }) => JSON.stringify([value, facts(context)]),
    stopWhen: ({ context }) => Object.values(facts(context)).some(fact => Math.abs(Number(fact ?? 0)) > 2),
  })
  return Object.entries(map).flatMap(([from, { transitions }]) =>
    Object.entries(transitions).map(
      ([event, next]) =>
        `${from} ${event} ${JSON.stringify((next as { state: { value: unknown } }).state.value)}`,
    ),
  )
}

describe('the lifecycle', () => {
  it.each(lifecycleStates)(
    'takes in %s exactly the events of the table, and no other one changes the state',
    state => {
      for (const type of lifecycleEvents) {
        const actor = actorIn(lifecycle, state)
        expect(actor.getSnapshot().value).toBe(state)
        if (state !== 'CLOSED') actor.send({ type, ok: true })
        expect(actor.getSnapshot().value, `${state} + ${type}`).toBe(legal[state][type] ?? state)
      }
    },
  )

  it('remembers the last error as code and message', () => {
    const actor = actorIn(lifecycle, 'READY')
    actor.send({ type: 'fail', error: { code: 'EXO_INTERNAL', message: 'broken' } })
    expect(actor.getSnapshot().context.lastError).toEqual({ code: 'EXO_INTERNAL', message: 'broken' })
  })

  it('counts health checks in READY and DEGRADED', () => {
    const actor = actorIn(lifecycle, 'READY')
    actor.send({ type: 'health.checked', ok: true })
    actor.send({ type: 'degrade' })
    actor.send({ type: 'health.checked', ok: false })
    expect(actor.getSnapshot().context.health).toEqual({ checks: 2, failed: 1 })
  })

  it('is done in CLOSED', () => {
    const actor = actorIn(lifecycle, 'CLOSED')
    expect(actor.getSnapshot().status).toBe('done')
    expect(lifecycle.events.some(type => actor.getSnapshot().can({ type }))).toBe(false)
  })
})

describe.each(all)('the machine %s', (name, machine) => {
  it('has the seven states and their transitions, whatever is nested in them', () => {
    expect(Object.keys(machine.states)).toEqual([...lifecycleStates])
    for (const state of lifecycleStates) {
      for (const type of lifecycleEvents) {
        const actor = actorIn(machine, state)
        if (state !== 'CLOSED') actor.send({ type, ok: true })
        expect(topOf(actor.getSnapshot().value), `${state} + ${type}`).toBe(legal[state][type] ?? state)
      }
    }
  })

  it('is named after its file and describes itself and each of its states in a sentence', () => {
    expect(machine.id).toBe(name)
    const described = (node: typeof machine.root): number => {
      expect(node.description, node.id).toMatch(/^[A-Z].{20,}[^.]\.$/)
      return Object.values(node.states).reduce((count, child) => count + described(child), 1)
    }
    expect(described(machine.root)).toBeGreaterThanOrEqual(8)
  })

  it('is complete as JSON: the copy takes the same events to the same states', () => {
    const config = JSON.parse(JSON.stringify(machine.config))
    const copy = createMachine(config, machine.implementations as never)
    expect(config).toEqual(machine.config)
    expect(transitionsOf(copy)).toEqual(transitionsOf(machine))
  })

  it('begins with facts that say who it is, and all facts are plain data', () => {
    const actor = actorIn(machine, 'DEGRADED')
    const { context } = actor.getSnapshot()
    expect(context).toMatchObject({ name: 'x', kind: 'k', incarnation: 1, attempt: 0 })
    expect(JSON.parse(JSON.stringify(context))).toEqual(context)
  })

  it('shares no facts between two actors', () => {
    const one = actorIn(machine, 'READY')
    const other = actorIn(machine, 'READY')
    for (const event of [...domainEvents, { type: 'health.checked', ok: false }]) one.send(event)
    expect(other.getSnapshot().context.health).toEqual({ checks: 0, failed: 0 })
    expect(machine.config.context).toMatchObject({ name: '', health: { checks: 0, failed: 0 } })
  })
})
