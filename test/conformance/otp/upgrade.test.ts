import { describe, expect, it } from 'vitest'
import type { AnyChildSpec, AutoShutdown, SuperviseOptions } from '../../../src/supervision/types.ts'
import { code, incarnations, otp, type Worker, worker } from './world.ts'

const refused = expect.objectContaining({
  code: 'EXO_CHILD_SPEC_INVALID',
  message: expect.stringContaining('significant'),
})

const flagged = (significant: boolean) => ({ restart: 'temporary', significant }) as const
const child = (id: string, significant: boolean) => worker(id, {}, flagged(significant))
const flag = ({ spec }: Worker, significant: boolean): AnyChildSpec => ({ ...spec, ...flagged(significant) })

/** A supervisor in a mode with three children, significant ones where the mode allows that, and how it is once it has ended. */
async function inMode(autoShutdown: AutoShutdown) {
  const all = ['child1', 'child2', 'child3'].map(id => child(id, autoShutdown !== 'never'))
  const world = await otp('one_for_one', 10, 3600, all, { autoShutdown } as Partial<SuperviseOptions>)
  const flags = (significant: boolean) => all.map(each => flag(each, significant))
  const hasEnded = async () =>
    world.root.state === 'CLOSED' && (await world.root.closed).reason === 'auto_shutdown'
  return { ...world, flags, hasEnded }
}

describe('auto_shutdown that is changed', () => {
  it('significant_upgrade_never_any — significant children are refused before and taken with the new mode; then any of them counts', async () => {
    const { root, terminate, flags, hasEnded } = await inMode('never')
    expect(() => root.reload({ children: flags(true) })).toThrow(refused)
    expect(await code(root.start(child('child4', true).typed))).toBe('EXO_CHILD_SPEC_INVALID')
    root.reload({ autoShutdown: 'any_significant', children: flags(true).slice(0, 2) })
    expect(incarnations(root)).toEqual({ child1: 1, child2: 1, child3: 1 })
    await root.start(child('child4', true).typed)
    await terminate('child3')
    await root.stop('child1')
    expect(root.state).toBe('READY')
    await terminate('child4')
    expect(await hasEnded()).toBe(true)
  })

  it('significant_upgrade_any_never — the mode is refused while significant children are left, and with it their ends count no more', async () => {
    const { root, terminate, flags, hasEnded } = await inMode('any_significant')
    expect(() => root.reload({ autoShutdown: 'never' })).toThrow(refused)
    expect(() => root.reload({ autoShutdown: 'never', children: flags(true) })).toThrow(refused)
    expect(root.spec('child1').significant).toBe(true)
    root.reload({ autoShutdown: 'never', children: flags(false) })
    for (const id of ['child1', 'child2', 'child3']) await terminate(id)
    expect([root.state, incarnations(root)]).toEqual(['READY', {}])
    expect(await code(root.start(child('child4', true).typed))).toBe('EXO_CHILD_SPEC_INVALID')
    await root.close()
    expect(await hasEnded()).toBe(false)
  })

  it('significant_upgrade_never_all — with the new mode the last of the significant children counts', async () => {
    const { root, terminate, flags, hasEnded } = await inMode('never')
    await terminate('child3')
    root.reload({ autoShutdown: 'all_significant', children: flags(true).slice(0, 2) })
    await terminate('child1')
    expect([root.state, incarnations(root)]).toEqual(['READY', { child2: 1 }])
    await terminate('child2')
    expect(await hasEnded()).toBe(true)
  })

  it('significant_upgrade_all_never — the mode is refused while significant children are left, and with it the last one counts no more', async () => {
    const { root, terminate, flags } = await inMode('all_significant')
    await terminate('child1')
    expect(() => root.reload({ autoShutdown: 'never' })).toThrow(refused)
    root.reload({ autoShutdown: 'never', children: flags(false).slice(1) })
    for (const id of ['child2', 'child3']) await terminate(id)
    expect([root.state, incarnations(root)]).toEqual(['READY', {}])
    await root.close()
  })

  it('significant_upgrade_any_all — one of several counts no more, the last of them does', async () => {
    const { root, terminate, hasEnded } = await inMode('any_significant')
    root.reload({ autoShutdown: 'all_significant' })
    for (const id of ['child1', 'child2']) await terminate(id)
    expect([root.state, incarnations(root)]).toEqual(['READY', { child3: 1 }])
    await terminate('child3')
    expect(await hasEnded()).toBe(true)
  })

  it('significant_upgrade_all_any — what ended before is the past, the next one that ends counts', async () => {
    const { root, clock, terminate, hasEnded } = await inMode('all_significant')
    await terminate('child1')
    root.reload({ autoShutdown: 'any_significant' })
    await clock.advance(10_000)
    expect([root.state, incarnations(root)]).toEqual(['READY', { child2: 1, child3: 1 }])
    await terminate('child2')
    expect(await hasEnded()).toBe(true)
  })

  it('significant_upgrade_child — the flag of a child that runs changes both ways, and is refused under never', async () => {
    for (const autoShutdown of ['any_significant', 'all_significant'] as const) {
      const { root, terminate, flags, hasEnded } = await inMode(autoShutdown)
      root.reload({ children: flags(false) })
      await terminate('child1')
      expect([root.state, incarnations(root)]).toEqual(['READY', { child2: 1, child3: 1 }])
      root.reload({ children: flags(true).slice(1, 2) })
      await terminate('child3')
      expect([root.state, incarnations(root)]).toEqual(['READY', { child2: 1 }])
      await terminate('child2')
      expect(await hasEnded()).toBe(true)
    }
    const { root, flags } = await inMode('never')
    expect(() => root.reload({ children: flags(true) })).toThrow(refused)
    expect(root.spec('child1').significant).toBe(false)
    await root.close()
  })
})
