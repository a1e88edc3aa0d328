import { describe, expect, it } from 'vitest'
import { createActor } from 'xstate'
import {
  type AnyLifecycleMachine,
  discovery,
  inference,
  node,
  peer,
  pool,
  server,
  supervisor,
} from '../../machines/index.ts'

/** The state values that a machine goes through. */
function run(
  machine: AnyLifecycleMachine,
  events: readonly (string | { type: string })[],
): readonly unknown[] {
  const actor = createActor(machine, { input: { name: 'x', kind: 'k', incarnation: 1, attempt: 0 } })
  actor.start()
  return ['initialize', ...events].map(event => {
    actor.send(typeof event === 'string' ? { type: event } : event)
    return actor.getSnapshot().value
  })
}

const peers = (count: number) => ({ type: 'peers.changed', count })

describe.each([
  ['peer', peer, 'connecting', 'idle', 'calling', 'call'],
  ['server', server, 'binding', 'listening', 'serving', 'request'],
] as const)('a %s', (_, machine, starting, idle, busy, what) => {
  it('is busy from the first piece of work to the end of the last', () => {
    const [began, ended] = [`${what}.started`, `${what}.ended`]
    expect(run(machine, ['initialized', began, began, ended, ended])).toEqual([
      { INITIALIZING: starting },
      { READY: idle },
      { READY: busy },
      { READY: busy },
      { READY: busy },
      { READY: idle },
    ])
  })

  it('goes on with its work when it degrades and recovers', () => {
    const [began, ended] = [`${what}.started`, `${what}.ended`]
    expect(
      run(machine, ['initialized', began, 'degrade', 'recovered', ended, 'degrade', 'recovered']).slice(3),
    ).toEqual([{ DEGRADED: busy }, { READY: busy }, { READY: idle }, { DEGRADED: idle }, { READY: idle }])
  })
})

describe.each([
  ['discovery', discovery, 'quiet', 'tracking'],
  ['node', node, 'alone', 'pooled'],
] as const)('a %s', (_, machine, without, some) => {
  it('shows whether it knows peers, also across a degrading', () => {
    expect(
      run(machine, ['initialized', peers(2), 'degrade', peers(0), 'recovered', peers(1)]).slice(1),
    ).toEqual([
      { READY: without },
      { READY: some },
      { DEGRADED: some },
      { DEGRADED: without },
      { READY: without },
      { READY: some },
    ])
  })

  it('remembers peers that it found before it was READY', () => {
    expect(run(machine, [peers(3), 'initialized']).at(-1)).toEqual({ READY: some })
  })
})

describe('an inference engine', () => {
  it('goes from prefill to decode and back to idle', () => {
    const events = ['initialized', 'prefill.started', 'decode.started', 'generation.ended']
    expect(run(inference, events)).toEqual([
      { INITIALIZING: 'loading' },
      { READY: 'idle' },
      { READY: 'prefilling' },
      { READY: 'decoding' },
      { READY: 'idle' },
    ])
  })

  it('is idle only when the last of several generations has ended', () => {
    const events = [
      'initialized',
      'prefill.started',
      'decode.started',
      'prefill.started',
      'generation.ended',
      'generation.ended',
    ]
    expect(run(inference, events).slice(4)).toEqual([
      { READY: 'prefilling' },
      { READY: 'decoding' },
      { READY: 'idle' },
    ])
  })

  it('is still in prefill after a degrading in prefill', () => {
    expect(run(inference, ['initialized', 'prefill.started', 'degrade']).at(-1)).toEqual({
      DEGRADED: 'prefilling',
    })
  })
})

describe('a supervisor', () => {
  it('shows that children are between two incarnations', () => {
    const events = ['initialized', 'restart.began', 'restart.began', 'restart.ended', 'restart.ended']
    expect(run(supervisor, events)).toEqual([
      { INITIALIZING: 'starting' },
      { READY: 'idle' },
      { READY: 'restarting' },
      { READY: 'restarting' },
      { READY: 'restarting' },
      { READY: 'idle' },
    ])
  })

  it('escalates when a child was given up, and fails after that', () => {
    expect(
      run(supervisor, ['initialized', 'restart.began', 'gave_up', 'restart.ended', 'fail']).slice(2),
    ).toEqual([{ READY: 'restarting' }, { READY: 'escalating' }, { READY: 'escalating' }, 'ERROR'])
  })
})

describe('a pool', () => {
  it('shows whether it is idle, serves or is exhausted, also across a degrading', () => {
    const events = ['initialized', 'load.some', 'load.full', 'degrade', 'load.some', 'recovered', 'load.none']
    expect(run(pool, events)).toEqual([
      { INITIALIZING: 'filling' },
      { READY: 'idle' },
      { READY: 'serving' },
      { READY: 'exhausted' },
      { DEGRADED: 'exhausted' },
      { DEGRADED: 'serving' },
      { READY: 'serving' },
      { READY: 'idle' },
    ])
  })

  it('never leaves draining but by its end', () => {
    const events = ['initialized', 'load.full', 'drain.began', 'load.none', 'degrade', 'recovered', 'close']
    expect(run(pool, events).slice(3)).toEqual([
      { READY: 'draining' },
      { READY: 'draining' },
      { DEGRADED: 'draining' },
      { READY: 'draining' },
      'CLOSING',
    ])
  })
})
