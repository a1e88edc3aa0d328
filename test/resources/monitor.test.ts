import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import type { Down } from '../../src/resources/monitor.ts'
import { calm, grow, kid } from '../supervision/tree.ts'
import { scripted } from './scripted.ts'

function make(changes: Parameters<typeof scripted>[0] = {}) {
  const clock = new VirtualClock()
  const logged: string[] = []
  const note = (_: object, message: string) => void logged.push(message)
  const made = scripted(changes)
  const log = { debug: note, info: note, warn: note, error: note }
  const resource = createResource(made.definition, { name: 'a', input: {}, clock, log })
  const downs: Down[] = []
  return { clock, resource, logged, downs, note: (down: Down) => void downs.push(down), ...made }
}

describe('a monitor', () => {
  it('tells once of a normal end, and not in the stack of who ended it', async () => {
    const { resource, clock, downs, note } = make()
    await resource.initialize()
    resource.monitor(note)
    const closing = resource.close()
    await closing
    await clock.settle()
    await resource.close()
    await clock.settle()
    expect(downs).toEqual([{ kind: 'scripted', name: 'a', incarnation: 1, reason: 'normal' }])
  })

  it('tells of a failure with its error, as soon as it has failed', async () => {
    const { resource, clock, downs, note } = make()
    await resource.initialize()
    resource.monitor(note)
    resource.fail(new Error('crash'))
    expect(downs).toEqual([])
    await clock.settle()
    expect(downs).toMatchObject([
      {
        reason: 'failed',
        incarnation: 1,
        error: { code: 'EXO_RESOURCE_FAILED', cause: { message: 'crash' } },
      },
    ])
    await resource.close()
    await clock.settle()
    expect(downs).toHaveLength(1)
  })

  it('tells of an end that was there before: in the next turn, and with the reason that it had', async () => {
    const { resource, clock, downs, note } = make()
    await resource.initialize()
    resource.fail('crash')
    await resource.close()
    resource.monitor(note)
    resource.monitor(note, { of: 'incarnation' })
    expect(downs).toEqual([])
    await clock.settle()
    expect(downs.map(({ reason }) => reason)).toEqual(['failed', 'failed'])
  })

  it('tells that it was killed when its cleanup was left behind', async () => {
    const { resource, clock, downs, note } = make({ cleanup: 'wait' })
    await resource.initialize()
    resource.monitor(note)
    resource.monitor(note, { of: 'incarnation' })
    const closing = resource.close()
    await clock.advance(5_000)
    await closing
    await clock.settle()
    const killed = { reason: 'killed', error: { code: 'EXO_SHUTDOWN_TIMEOUT' } }
    expect(downs).toMatchObject([killed, killed])
  })

  it('can be taken back, also when the end is there but was not told yet', async () => {
    const { resource, clock, downs, note } = make()
    await resource.initialize()
    const cancel = resource.monitor(note)
    resource.fail('crash')
    cancel()
    cancel()
    await clock.settle()
    expect(downs).toEqual([])
  })

  it('that throws is logged, and the others are told all the same', async () => {
    const { resource, clock, downs, note, logged } = make()
    await resource.initialize()
    resource.monitor(() => {
      throw new Error('bad monitor')
    })
    resource.monitor(note)
    resource.fail('crash')
    await clock.settle()
    expect(downs).toHaveLength(1)
    expect(logged).toContain('a monitor of scripted "a" threw')
  })

  it('of a supervised resource lasts over restarts, and ends when the supervisor gives up', async () => {
    const { definition, typed } = kid('a')
    const { root, clock } = await grow([typed as never], {
      policies: { default: { ...calm, intensity: { restarts: 1, within: 60_000 } } },
    })
    const ref = root.ref(definition, 'a')
    const downs: Down[] = []
    ref.monitor(down => void downs.push(down))
    ref.fail('first')
    await clock.advance(1_000)
    expect([downs, ref.state]).toEqual([[], 'READY'])
    ref.fail('second')
    await clock.advance(1_000)
    expect(downs).toMatchObject([
      { reason: 'gave up', incarnation: 2, error: { code: 'EXO_INTENSITY_EXCEEDED' } },
    ])
    await root.close()
  })

  it('of an incarnation tells of its end only: the successor has to be monitored again', async () => {
    const { definition, typed } = kid('a')
    const { root, clock } = await grow([typed as never])
    const ref = root.ref(definition, 'a')
    const downs: Down[] = []
    ref.monitor(down => void downs.push(down), { of: 'incarnation' })
    ref.fail('first')
    await clock.advance(1_000)
    const again: Down[] = []
    ref.monitor(down => void again.push(down), { of: 'incarnation' })
    ref.fail('second')
    await clock.advance(1_000)
    expect(downs).toMatchObject([{ reason: 'failed', incarnation: 1 }])
    expect(again).toMatchObject([{ reason: 'failed', incarnation: 2 }])
    await root.close()
  })

  it('of a child that is stopped by hand tells of a normal end, and a monitor of its next life starts anew', async () => {
    const { definition, typed } = kid('a')
    const { root, clock } = await grow([typed as never])
    const ref = root.ref(definition, 'a')
    const downs: Down[] = []
    const note = (down: Down) => void downs.push(down)
    ref.monitor(note)
    await root.stop('a')
    await root.restart('a')
    ref.monitor(note)
    await clock.settle()
    expect(downs).toMatchObject([{ reason: 'normal', incarnation: 1 }])
    await root.close()
    await clock.settle()
    expect(downs).toMatchObject([{ incarnation: 1 }, { reason: 'normal', incarnation: 2 }])
  })

  it('of a child that fails and whose cleanup is left behind tells of the failure', async () => {
    const { definition, spec } = kid('a', { cleanup: 'wait' }, { restart: 'temporary' })
    const { root, clock } = await grow([spec])
    const ref = root.ref(definition, 'a')
    const reasons: string[] = []
    ref.monitor(({ reason }) => void reasons.push(reason))
    ref.monitor(({ reason }) => void reasons.push(reason), { of: 'incarnation' })
    ref.fail('crash')
    await clock.advance(1_000)
    expect(reasons).toEqual(['failed', 'failed'])
    await root.close()
  })

  it('of a child that was killed once does not call its next end a killing', async () => {
    const { definition, spec, script } = kid('a', { cleanup: 'wait' })
    const { root, clock } = await grow([spec])
    const ref = root.ref(definition, 'a')
    const reasons: string[] = []
    ref.monitor(({ reason }) => void reasons.push(reason))
    const stopping = root.stop('a')
    await clock.advance(300)
    await stopping
    script.cleanup = 'at once'
    await root.restart('a')
    ref.monitor(({ reason }) => void reasons.push(reason))
    await root.stop('a')
    await clock.settle()
    expect(reasons).toEqual(['killed', 'normal'])
    await root.close()
  })

  it('of a child that never started is told when the child is removed', async () => {
    const { definition, spec } = kid('a', {}, { start: false })
    const { root, clock } = await grow([spec])
    const downs: Down[] = []
    const ref = root.ref(definition, 'a')
    const note = (down: Down) => void downs.push(down)
    ref.monitor(note, { of: 'incarnation' })
    await root.stop('a')
    await root.remove('a')
    ref.monitor(note, { of: 'incarnation' })
    await clock.settle()
    expect(downs).toMatchObject([
      { reason: 'normal', incarnation: 0 },
      { reason: 'normal', incarnation: 0 },
    ])
    await root.close()
  })
})
