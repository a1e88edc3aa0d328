import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import { grow, kid } from './tree.ts'

const nested = (id: string) => ({ id, resource: supervisorResource as never, input: {} })
const many = (count: number) => Array.from({ length: count }, (_, at) => kid(`k${at}`).spec)

describe('the children of a supervisor', () => {
  it('are counted: the supervisors among them, the others, and those that live', async () => {
    const waiting = kid('f', {}, { start: false })
    const { root } = await grow([kid('a').spec, nested('b'), nested('c'), kid('d').spec, kid('e').spec])
    await root.start(waiting.typed)
    await root.stop('d')
    await root.stop('b')
    expect(root.count()).toEqual({ specs: 6, active: 3, restarting: 0, supervisors: 2, workers: 4 })
    await root.close()
  })

  it('are named by an error about an unknown one, twenty at most, with the number of the rest', async () => {
    const { root } = await grow(many(20))
    expect(() => root.ref('x')).toThrow(/k18, k19$/)
    await root.start(kid('k20').typed)
    await root.start(kid('k21').typed)
    expect(() => root.ref('x')).toThrow(/k18, k19 and 2 more$/)
    await root.close()
  })

  it('stand in the order of their starts: one that was stopped and is started again is the last one', async () => {
    const a = kid('a')
    const { root } = await grow([a.spec, kid('b').spec])
    await root.stop('a')
    await root.start(a.typed)
    expect(root.children().map(({ id }) => id)).toEqual(['b', 'a'])
    await root.close()
  })

  it('keep the one that was started in the place of another in the moment in which that one ended', async () => {
    const first = kid('a', {}, { restart: 'temporary' })
    const second = kid('a')
    const { root, clock } = await grow([])
    const left: Promise<unknown>[] = []
    root.onEvent(({ type }) => {
      if (type === 'ignored') left.push(root.start(second.typed))
    })
    first.script.initialize = 'wait'
    const started = root.start(first.typed)
    await clock.settle()
    first.lives[0]?.self.ignore('not wanted')
    first.lives[0]?.initialized.resolve()
    await started
    await Promise.all(left)
    expect(root.children()).toMatchObject([{ id: 'a', state: 'READY' }])
    expect(root.history('a').map(({ type }) => type)).toContain('ignored')
    await root.close()
  })

  it('have texts as ids: anything else is as unknown as any other id', async () => {
    const { root } = await grow([kid('a').spec])
    expect(() => root.ref(5 as never)).toThrow(
      expect.objectContaining({ code: 'EXO_CHILD_UNKNOWN', details: { supervisor: 'root', id: 5 } }),
    )
    await root.close()
  })

  it('are none in such an error of a supervisor that has none, and nothing is guessed', async () => {
    const { root } = await grow([])
    expect(() => root.ref('x')).toThrow('supervisor "root" has no child "x" It has: none')
    await root.close()
  })
})
