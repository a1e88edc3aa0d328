import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph'
import { type LifecycleState, lifecycle, lifecycleEvents, lifecycleStates } from '../../machines/index.ts'
import type { MachineActor } from '../../src/actors/machine-actor.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import { scripted } from './scripted.ts'

const events = lifecycleEvents.filter(type => type !== 'health.checked').map(type => ({ type }))
const input = { name: 'driven', kind: 'scripted', incarnation: 1, attempt: 0 }
const traversal = { events, input, serializeState: ({ value }: { value: unknown }) => String(value) }

const START_TIMEOUT = 700
const SHUTDOWN = 300
/** Longer than all that a path takes. */
const PROBE = 1_000_000

/** A real resource, and for each event of the model what makes it happen in the real one. */
function drive() {
  const clock = new VirtualClock()
  const { definition, lives } = scripted({ initialize: 'wait', cleanup: 'wait' })
  const resource = createResource(definition, {
    name: input.name,
    input: {},
    clock,
    startTimeout: START_TIMEOUT,
    shutdown: SHUTDOWN,
    health: { interval: PROBE, timeout: PROBE, failures: 1, of: 1 },
  })
  // What the runtime itself sends its events through.
  const { actor } = resource as unknown as { readonly actor: MachineActor }
  const life = () => lives[0]
  const stimuli: Record<string, () => unknown> = {
    initialize: () => resource.initialize().catch(() => undefined),
    initialized: () => life()?.initialized.resolve(),
    'start.timeout': () => clock.advance(START_TIMEOUT),
    fail: () =>
      resource.state === 'INITIALIZING'
        ? life()?.initialized.reject(new Error('no'))
        : resource.fail(new Error('no')),
    degrade: () => resource.degrade('slow'),
    recovered: () => life()?.self.recovered(),
    close: () => resource.close(),
    closed: () => life()?.cleaned.resolve(),
    'shutdown.timeout': () => clock.advance(SHUTDOWN),
    'health.checked': () => clock.advance(PROBE),
  }
  return {
    lives,
    pending: () => clock.pending,
    onChange: (listener: () => void) => resource.subscribe(listener),
    state: () => resource.state,
    async stimulate(type: string) {
      void stimuli[type]?.()
      // Cleaning up waits for the initialising, which a real one ends when its signal says so.
      if (life()?.signal.aborted) life()?.initialized.reject(new Error('aborted'))
      if (type.endsWith('timeout')) await clock.advance(0)
      await clock.settle()
    },
    async send(type: string) {
      actor.send({ type, ok: true })
      await clock.settle()
    },
    release: () => life()?.cleaned.resolve(),
  }
}

const edges = Object.values(getAdjacencyMap(lifecycle, traversal)).flatMap(({ state, transitions }) =>
  Object.values(transitions)
    .map(transition => transition as { event: { type: string }; state: { value: LifecycleState } })
    .filter(({ state: next }) => next.value !== state.value)
    .map(({ event, state: next }) => ({
      from: state.value as LifecycleState,
      type: event.type,
      to: next.value,
    })),
)
const pathTo = new Map(
  getShortestPaths(lifecycle, traversal).map(({ state, steps }) => [
    state.value as LifecycleState,
    steps.map(({ event }) => event.type).filter(type => type !== 'xstate.init'),
  ]),
)

describe('a real resource', () => {
  it('has a generated path to each state and across each transition', () => {
    expect([...pathTo.keys()].sort()).toEqual([...lifecycleStates].sort())
    expect(edges).toHaveLength(15)
  })

  it.each(edges)('goes from $from by $type to $to, as the machine says', async ({ from, type, to }) => {
    const real = drive()
    for (const step of pathTo.get(from) ?? []) await real.stimulate(step)
    expect(real.state()).toBe(from)
    await real.stimulate(type)
    expect(real.state()).toBe(to)
  })

  const illegal = lifecycleStates.flatMap(from =>
    lifecycleEvents
      .filter(type => !edges.some(edge => edge.from === from && edge.type === type))
      .map(type => ({ from, type })),
  )

  it.each(illegal)('stays in $from when it is sent $type', async ({ from, type }) => {
    const real = drive()
    for (const step of pathTo.get(from) ?? []) await real.stimulate(step)
    await real.send(type)
    expect(real.state()).toBe(from)
  })

  it.each(lifecycleStates)(
    'closes from %s all the same after it was sent every illegal event',
    async from => {
      const real = drive()
      for (const step of pathTo.get(from) ?? []) await real.stimulate(step)
      for (const { type } of illegal.filter(pair => pair.from === from)) await real.send(type)
      await real.stimulate('close')
      real.release()
      await real.stimulate('none')
      expect(real.state()).toBe('CLOSED')
    },
  )

  it('that is CLOSED after a whole life does nothing more, whatever is sent to it or asked of it', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    onTestFinished(() => warn.mockRestore())
    const real = drive()
    for (const type of ['initialize', 'initialized', 'close', 'closed']) await real.stimulate(type)
    expect(real.state()).toBe('CLOSED')
    const changed = vi.fn()
    real.onChange(changed)
    for (const type of lifecycleEvents) {
      await real.send(type)
      await real.stimulate(type)
      expect([type, real.state()]).toEqual([type, 'CLOSED'])
    }
    expect(changed).not.toHaveBeenCalled()
    expect(real.lives.map(({ cleanups }) => cleanups.length)).toEqual([1])
    expect(real.pending()).toBe(0)
    // XState would say that an event came too late.
    expect(warn).not.toHaveBeenCalled()
  })
})
