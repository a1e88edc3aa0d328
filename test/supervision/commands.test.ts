import { describe, expect, it } from 'vitest'
import type { InspectionEvent } from 'xstate'
import { calm, grow, kid } from './tree.ts'

const template = (one: ReturnType<typeof kid>) => ({ resource: one.definition, input: {} })

describe('a child that is started by hand', () => {
  it('is refused when another one of its id was waiting for its turn before it', async () => {
    const a = kid('a', { initialize: 'wait' })
    const first = kid('twin')
    const second = kid('twin')
    const { root, clock } = await grow([], { strategy: 'one_for_all' })
    const starts = [root.start(a.typed), root.start(first.typed), root.start(second.typed)]
    const outcomes = Promise.allSettled(starts)
    await clock.settle()
    a.lives[0]?.initialized.resolve()
    expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect([first.lives.length, second.lives.length]).toEqual([1, 0])
    await root.close()
  })

  it('is known and not run when its spec says so, until it is restarted', async () => {
    const a = kid('a', {}, { start: false })
    const { root } = await grow([])
    await root.start(a.typed)
    expect([root.children().map(({ id }) => id), a.lives.length]).toEqual([['a'], 0])
    await root.restart('a')
    expect([root.ref('a').state, a.lives.length]).toEqual(['READY', 1])
    await root.close()
  })

  it('is refused by a supervisor that is closed, or is closed while it waits for its turn', async () => {
    const a = kid('a', { initialize: 'wait' })
    const b = kid('b')
    const { root, clock } = await grow([], { strategy: 'one_for_all' })
    const starts = Promise.allSettled([root.start(a.typed), root.start(b.typed)])
    await clock.settle()
    const closing = root.close()
    a.lives[0]?.initialized.resolve()
    await closing
    for (const outcome of await starts)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'EXO_RESOURCE_CLOSED' } })
    await expect(root.start(b.typed)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await expect(root.restart('a')).rejects.toThrow()
    expect(() => root.reload({})).toThrow(expect.objectContaining({ code: 'EXO_RESOURCE_CLOSED' }))
    expect(b.lives).toEqual([])
  })
})

describe('a dynamic supervisor', () => {
  it('gives ids that nobody has', async () => {
    const one = kid('any')
    const { root } = await grow([], { strategy: 'dynamic', template: template(one) })
    await root.spawn(one.definition, {}, { id: 'scripted-1' })
    await root.spawn(one.definition, {})
    await root.spawn(one.definition, {})
    expect(root.children().map(({ id }) => id)).toEqual(['scripted-1', 'scripted-2', 'scripted-3'])
    await expect(root.spawn(one.definition, {}, { id: 'scripted-2' })).rejects.toMatchObject({
      code: 'EXO_CHILD_SPEC_INVALID',
    })
    await root.close()
    await expect(root.spawn(one.definition, {})).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
  })

  it('has so many children at most, and room again when one has ended', async () => {
    const one = kid('any')
    const { root, clock } = await grow([], {
      strategy: 'dynamic',
      template: { ...template(one), restart: 'temporary' },
      maxChildren: 2,
    })
    await root.spawn(one.definition, {})
    const ref = await root.spawn(one.definition, {})
    await expect(root.spawn(one.definition, {})).rejects.toMatchObject({
      details: { supervisor: 'root', maxChildren: 2 },
    })
    ref.fail('x')
    await clock.settle()
    await root.spawn(one.definition, {})
    expect(root.count()).toMatchObject({ active: 2 })
    await root.close()
  })

  it('makes children of its template only, and others make none', async () => {
    const one = kid('any')
    const { root } = await grow([], { strategy: 'dynamic', template: template(one) })
    await expect(root.spawn(kid('other').definition, {})).rejects.toThrow()
    await expect(root.start(kid('other').typed)).rejects.toThrow()
    await root.close()
    const plain = await grow([])
    await expect(plain.root.spawn(one.definition, {})).rejects.toThrow()
    await plain.root.close()
  })
})

describe('an inspection of a supervisor', () => {
  it('sees the actors of its children, and a fault of the observer is logged', async () => {
    const { root, logged } = await grow([kid('a').spec], { policies: { default: calm } })
    const seen = new Set<unknown>()
    const detach = root.inspect((event: InspectionEvent) => {
      seen.add((event.actorRef as { id?: string }).id)
      throw new Error('bad observer')
    })
    detach()
    expect([...seen]).toContain('a#1')
    expect(logged.some(message => message.includes('observer'))).toBe(true)
    await root.close()
  })
})
