import { describe, expect, it } from 'vitest'
import { ExovisorError } from '../../src/errors.ts'
import { childSpec } from '../../src/supervision/child-spec.ts'
import type { PolicyInput } from '../../src/supervision/policy.ts'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { calm, grow, kid } from './tree.ts'

const deciding = (decide: PolicyInput['decide']) => ({ policies: { default: { ...calm, decide } } })

describe('a directive', () => {
  it('resume lets the incarnation go on as if nothing had been, and tells of it', async () => {
    const a = kid('a')
    const { root, clock, story } = await grow([a.spec], deciding({ TypeError: 'resume' }))
    a.lives[0]?.self.fail(new TypeError('odd'))
    await clock.advance(1_000)
    expect([root.ref('a').state, root.ref('a').incarnation]).toEqual(['READY', 1])
    expect(story().at(-1)).toBe('resumed a#1')
    a.lives[0]?.self.fail(new RangeError('odd'))
    await clock.advance(1_000)
    expect(root.ref('a').incarnation).toBe(2)
    await root.close()
  })

  it('resume is a restart where nothing is left that could go on', async () => {
    const a = kid('a')
    const { root, clock } = await grow([a.spec], deciding({ '*': 'resume' }))
    a.script.initialize = 'wait'
    const restarting = root.restart('a')
    await clock.settle()
    a.lives[1]?.initialized.reject(new Error('no'))
    a.script.initialize = 'at once'
    await clock.advance(100)
    await restarting
    expect(root.ref('a').incarnation).toBe(3)
    await root.close()
  })

  it('stop ends a permanent child for good', async () => {
    const a = kid('a')
    const b = kid('b')
    const { root, clock, events } = await grow([a.spec, b.spec], deciding({ EXO_MODEL_INVALID: 'stop' }))
    a.lives[0]?.self.fail(new ExovisorError('EXO_MODEL_INVALID', 'no such tensor'))
    await clock.advance(5_000)
    expect([root.ref('a').state, root.ref('b').state, a.lives.length]).toEqual(['CLOSED', 'READY', 1])
    await expect(root.ref('a').ready()).rejects.toMatchObject({ code: 'EXO_MODEL_INVALID' })
    expect(events.find(({ type }) => type === 'failed')).toMatchObject({ directive: 'stop' })
    await root.close()
  })

  it('escalate lets the supervisor give up at once, with its cause', async () => {
    const a = kid('a')
    const b = kid('b')
    const { root, clock, story } = await grow([a.spec, b.spec], deciding({ '*': 'escalate' }))
    a.lives[0]?.self.fail(new Error('beyond me'))
    await clock.settle()
    const { reason, error } = await root.closed
    expect([reason, error?.code, error?.message]).toEqual([
      'failed',
      'EXO_ESCALATED',
      expect.stringContaining('beyond me'),
    ])
    expect(story()).toContain('escalated a#1')
    expect(b.lives[0]?.cleanups).toHaveLength(1)
  })

  it('for a fault that no restart cures never loops: a permanent child escalates, a transient one stops', async () => {
    const a = kid('a', {}, { restart: 'transient' })
    const b = kid('b')
    const { root, clock } = await grow([a.spec, b.spec])
    const broken = new ExovisorError('EXO_CONFIG_INVALID', 'wrong')
    a.lives[0]?.self.fail(broken)
    await clock.advance(60_000)
    expect([a.lives.length, root.ref('a').state, root.state]).toEqual([1, 'CLOSED', 'READY'])
    b.lives[0]?.self.fail(broken)
    await clock.advance(60_000)
    expect([b.lives.length, (await root.closed).error?.code]).toEqual([1, 'EXO_ESCALATED'])
  })

  it('goes up the tree: a supervisor that was escalated to is restarted by its own parent, by its own policy', async () => {
    const leaf = kid('leaf', {}, { policy: { decide: { '*': 'escalate' } } })
    const { root, clock } = await grow([
      childSpec({ id: 'sub', resource: supervisorResource, input: { children: [leaf.spec] } }),
    ])
    leaf.lives[0]?.self.fail('x')
    await clock.advance(100)
    expect([root.ref('sub').incarnation, root.ref('sub').state, leaf.lives.length]).toEqual([2, 'READY', 2])
    await root.close()
  })
})
