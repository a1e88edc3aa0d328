import { describe, expect, it } from 'vitest'
import { supervise } from '../../src/supervision/supervise.ts'
import { leakCheck } from './leaks.ts'
import { kid } from './tree.ts'

const { grow } = leakCheck()

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { readonly code: string }) => error.code,
  )

describe('an id that is used twice', () => {
  it('in the list of a supervisor starts nothing', async () => {
    const [one, other] = [kid('a'), kid('a')]
    const started = supervise({ children: [one.spec, other.spec] })
    await expect(started).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
      message: expect.stringContaining('children[1].id is "a", the id of children[0]'),
    })
    expect([one.lives.length, other.lives.length]).toEqual([0, 0])
  })

  it.each(['one_for_one', 'one_for_all', 'rest_for_one', 'dependency_closure'] as const)(
    'by two starts in one breath under %s is one child',
    async strategy => {
      const child = kid('a', { initialize: 'wait' })
      const { root, clock } = await grow([], { strategy })
      const starts = [outcome(root.start(child.spec)), outcome(root.start(child.spec))]
      await clock.settle()
      child.lives[0]?.initialized.resolve()
      expect((await Promise.all(starts)).toSorted()).toEqual(['EXO_CHILD_SPEC_INVALID', 'done'])
      expect(child.lives.length).toBe(1)
      await root.close()
      expect(child.lives[0]?.cleanups.length).toBe(1)
    },
  )

  it('by two spawns in one breath is one child, and neither is a child beyond maxChildren', async () => {
    const child = kid('a')
    const { root } = await grow([], {
      strategy: 'dynamic',
      template: { resource: child.definition } as never,
      maxChildren: 2,
    })
    const spawn = (id: string) => outcome(root.spawn(child.definition, {}, { id }))
    expect(await Promise.all([spawn('a'), spawn('a'), spawn('b'), spawn('c')])).toEqual([
      'done',
      'EXO_CHILD_SPEC_INVALID',
      'done',
      'EXO_CHILDREN_EXHAUSTED',
    ])
    await root.close()
    expect(child.lives.flatMap(({ cleanups }) => cleanups).length).toBe(2)
  })

  it('while the first one waits for a place among those that start is refused', async () => {
    const [slow, child] = [kid('slow', { initialize: 'wait' }), kid('a')]
    const { root, clock } = await grow([], { concurrentStarts: 1 })
    const first = root.start(slow.spec)
    const starts = [outcome(root.start(child.spec)), outcome(root.start(child.spec))]
    await clock.settle()
    slow.lives[0]?.initialized.resolve()
    await first
    expect(await Promise.all(starts)).toEqual(['done', 'EXO_CHILD_SPEC_INVALID'])
    expect(child.lives.length).toBe(1)
  })
})

describe('a child whose start waits for a sibling between two incarnations', () => {
  async function waiting() {
    const [needed, child] = [kid('needed'), kid('a', {}, { dependsOn: ['needed'] })]
    const world = await grow([needed], { strategy: 'dependency_closure' })
    needed.lives[0]?.self.fail(new Error('broken'))
    await world.clock.settle()
    return { ...world, needed, child, started: outcome(world.root.start(child.spec)) }
  }

  it('starts when the sibling is READY, also when that fails once more meanwhile', async () => {
    const { root, clock, needed, child, started } = await waiting()
    needed.script.initialize = 'wait'
    await clock.advance(100)
    needed.lives[1]?.self.fail(new Error('broken again'))
    needed.lives[1]?.initialized.resolve()
    needed.script.initialize = 'at once'
    await clock.advance(1_000)
    expect(await started).toBe('done')
    expect([child.lives.length, root.ref('a').state]).toEqual([1, 'READY'])
  })

  it('has its id from the first word on', async () => {
    const { root, clock, child, started } = await waiting()
    expect(await outcome(root.start(child.spec))).toBe('EXO_CHILD_SPEC_INVALID')
    await clock.advance(1_000)
    expect(await started).toBe('done')
    expect(child.lives.length).toBe(1)
  })

  it.each(['stop', 'remove'] as const)('never starts after %s', async command => {
    const { root, clock, child, started } = await waiting()
    await root[command]('a')
    expect(await started).toBe('EXO_RESOURCE_CLOSED')
    await clock.advance(1_000)
    expect(child.lives.length).toBe(0)
  })

  it('starts once when it is restarted by hand', async () => {
    const { root, clock, child, started } = await waiting()
    await root.restart('a')
    expect(await started).toBe('EXO_RESOURCE_CLOSED')
    await clock.advance(1_000)
    expect([child.lives.length, root.ref('a').state]).toEqual([1, 'READY'])
    await root.close()
    expect(child.lives[0]?.cleanups.length).toBe(1)
  })

  it('is forgotten when the sibling is stopped for good', async () => {
    const { root, clock, child, started } = await waiting()
    await root.stop('needed')
    expect(await started).toBe('EXO_RESOURCE_CLOSED')
    await clock.advance(1_000)
    expect(child.lives.length).toBe(0)
  })
})
