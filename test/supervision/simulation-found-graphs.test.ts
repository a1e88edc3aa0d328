import { describe, expect, it } from 'vitest'
import { childSpec } from '../../src/supervision/child-spec.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { calm, grow, kid } from './tree.ts'

/** Faults that the simulation found under dependency_closure, each in its smallest form. */
describe('a graph that restarts', () => {
  it('starts nobody beside what it needs while that is still to be stopped', async () => {
    const base = kid('base')
    const middle = kid('middle', {}, { dependsOn: ['base'] })
    const slow = kid('slow', { cleanup: 'wait' }, { dependsOn: ['base'], requires: ['middle'] })
    const top = kid('top', {}, { dependsOn: ['middle'] })
    const { clock, root, events } = await grow([base.spec, middle.spec, top.spec, slow.spec], {
      strategy: 'dependency_closure',
    })
    root.ref('top').fail(new Error('broken'))
    await clock.advance(50)
    // Stops slow, then middle, in its own time; top waits for its backoff by itself.
    root.ref('base').fail(new Error('broken'))
    await clock.advance(200)
    slow.lives[0]?.cleaned.resolve()
    slow.script.cleanup = 'at once'
    await clock.advance(10_000)
    const lives = events.filter(({ name, type }) => name !== 'slow' && /^(started|child_term)/.test(type))
    expect(lives.slice(3).map(({ type, name }) => `${type} ${name}`)).toEqual([
      'child_terminated top',
      'child_terminated base',
      'child_terminated middle',
      'started base',
      'started middle',
      'started top',
    ])
    await root.close()
  })
})

describe('a command to a child of a graph', () => {
  it('is a word at once: a restart after a stop holds, although those that need the child are still to be stopped', async () => {
    const base = kid('base')
    const top = kid('top', { cleanup: 'wait' }, { dependsOn: ['base'] })
    const { clock, root } = await grow([base.spec, top.spec], { strategy: 'dependency_closure' })
    const stopped = root.stop('base')
    await clock.settle()
    const restarted = root.restart('base')
    await clock.settle()
    top.lives[0]?.cleaned.resolve()
    await Promise.all([stopped, restarted])
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['base READY', 'top CLOSED'])
    await root.close()
  })

  it('is a word to all that need the child: one of them that is restarted meanwhile stays up', async () => {
    const base = kid('base', { cleanup: 'wait' })
    const middle = kid('middle', {}, { dependsOn: ['base'] })
    const top = kid('top', { cleanup: 'wait' }, { dependsOn: ['middle'] })
    const { clock, root } = await grow([base.spec, middle.spec, top.spec], { strategy: 'dependency_closure' })
    const stopped = root.stop('base')
    await clock.settle()
    const restarted = root.restart('middle')
    await clock.settle()
    top.lives[0]?.cleaned.resolve()
    await clock.settle()
    base.lives[0]?.cleaned.resolve()
    await Promise.all([stopped, restarted])
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual([
      'base CLOSED',
      'middle READY',
      'top CLOSED',
    ])
    await root.close()
  })

  it('saves a temporary child that who heard of its end restarts, and settles', async () => {
    const a = kid('a', {}, { restart: 'temporary' })
    const { clock, root } = await grow([a.spec], { strategy: 'dependency_closure' })
    let restarted: Promise<void> | undefined
    root.onEvent(({ type }) => {
      if (type === 'stopped') restarted ??= root.restart('a')
    })
    a.lives[0]?.self.fail(new Error('broken'))
    await clock.settle()
    await restarted
    expect(root.children().map(({ id, state }) => `${id} ${state}`)).toEqual(['a READY'])
    await root.close()
  })
})

describe('a supervisor that fails while a child waits for one that is between two incarnations', () => {
  it('is CLOSED as soon as its children are', async () => {
    const a = kid('a')
    const b = kid('b', { initialize: 'wait' })
    const c = kid('c', {}, { dependsOn: ['a', 'b'] })
    const inner = childSpec({
      id: 'inner',
      resource: supervisorResource,
      input: {
        strategy: 'dependency_closure',
        children: [a.spec, b.spec, c.spec],
        policies: { default: calm },
      },
      start: false,
    })
    const { clock, root } = await grow([inner])
    const restarted = root.restart('inner').catch(() => undefined)
    await clock.settle()
    a.lives[0]?.self.fail(new Error('broken'))
    await clock.settle()
    b.lives[0]?.initialized.resolve()
    await clock.settle()
    root.ref('inner').fail(new Error('not wanted'))
    await clock.settle()
    expect(root.ref('inner').state).toBe('CLOSED')
    await root.close()
    await restarted
  })
})

describe('a child that needs several others', () => {
  it('does not start for the first time before all of them are READY at one time', async () => {
    const a = kid('a')
    const b = kid('b', { initialize: 'wait' })
    const c = kid('c', {}, { dependsOn: ['a', 'b'] })
    const { clock, root } = await grow(
      [a.spec, b.spec].map(spec => ({ ...spec, start: false })),
      {
        strategy: 'dependency_closure',
      },
    )
    await root.restart('a')
    const restarted = root.restart('b')
    await clock.settle()
    const added = root.start(c.typed)
    await clock.settle()
    a.lives[0]?.self.fail(new Error('broken'))
    await clock.settle()
    b.lives[0]?.initialized.resolve()
    await restarted
    await clock.advance(50)
    expect(c.lives).toHaveLength(0)
    await clock.advance(100)
    await added
    expect(c.lives).toHaveLength(1)
    await root.close()
  })
})
