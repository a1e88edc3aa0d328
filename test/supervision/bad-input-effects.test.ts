import { describe, expect, it } from 'vitest'
import { supervisorResource } from '../../src/supervision/supervisor-resource.ts'
import type { AnyChildSpec } from '../../src/supervision/types.ts'
import { leakCheck } from './leaks.ts'
import { calm, kid } from './tree.ts'

const { grow } = leakCheck()

const forever = () => new Promise<never>(() => undefined)
const fast = { ...calm, intensity: { restarts: 40, within: 60_000 } }
type Then = (resolve: (client: object) => void, reject: (error: Error) => void) => void

/** Something that looks like a promise. */
const thenable = (then: Then): object => Object.fromEntries([['then', then]])

const policies = { default: fast }

type Kid = ReturnType<typeof kid>
type Definition = Kid['definition']

/** The same kid with other effects; those of the kid still note what was asked of them. */
function withEffects(child: Kid, effects: (own: Definition) => Partial<Definition>): Kid {
  const resource = { ...child.definition, ...effects(child.definition) }
  return { ...child, spec: { ...child.spec, resource: resource as never } }
}

/** The first start goes well, later ones do what the test says. */
function laterStarts(later: () => unknown): Kid {
  return withEffects(kid('a'), ({ initialize }) => ({
    initialize: context => {
      const client = initialize(context)
      return context.self.incarnation === 1 ? client : (later() as typeof client)
    },
  }))
}

describe('a start', () => {
  it.each([
    [
      'throws at once',
      () => {
        throw new Error('at once')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('later')
      },
    ],
    [
      'gives a thenable that throws',
      () =>
        thenable(() => {
          throw new Error('then')
        }),
    ],
  ])('that %s is tried again and again, until a stop', async (_, later) => {
    const child = laterStarts(later)
    const { root, clock } = await grow([child], { policies })
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(20_000)
    expect(child.lives.length).toBeGreaterThan(5)
    const stopped = root.stop('a')
    await clock.advance(1_000)
    await stopped
    expect(root.ref('a').state).toBe('CLOSED')
    const { length } = child.lives
    await clock.advance(60_000)
    expect(child.lives.length).toBe(length)
  })

  it.each([
    ['never settles, and ignores its abort', forever],
    ['gives a thenable that never settles', () => thenable(() => undefined)],
  ])('that %s is given up, and tried again until a stop', async (_, later) => {
    const child = laterStarts(later)
    // What it has begun nobody can clean up: it never says that it has ended.
    const { root, clock, events } = await grow([{ ...child, lives: [] }], { policies })
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(20_000)
    expect(child.lives.length).toBeGreaterThan(5)
    expect(child.lives[1]?.signal.aborted).toBe(true)
    expect(events.filter(({ type }) => type === 'shutdown_error')[0]).toMatchObject({ incarnation: 2 })
    const stopped = root.stop('a')
    await clock.advance(1_000)
    await stopped
    const { length } = child.lives
    await clock.advance(60_000)
    expect(child.lives.length).toBe(length)
  })

  it('that settles when it was given up long ago is cleaned up, and no other incarnation hears of it', async () => {
    const child = kid('a')
    const { root, clock } = await grow([child], { policies })
    child.script.initialize = 'wait'
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(100 + 500 + 300)
    expect(root.ref('a').state).toBe('CLOSED')
    child.script.initialize = 'at once'
    await clock.advance(1_000)
    expect([root.ref('a').state, root.ref('a').incarnation]).toEqual(['READY', 3])
    child.lives[1]?.initialized.resolve()
    await clock.advance(1_000)
    expect([root.ref('a').state, root.ref('a').incarnation]).toEqual(['READY', 3])
  })

  it('that settles twice settles once', async () => {
    const twice = (first: 'resolve' | 'reject') => () =>
      thenable((resolve, reject) => {
        const settle = { resolve: () => resolve({ life: 2 }), reject: () => reject(new Error('broken')) }
        settle[first]()
        settle.resolve()
        settle.reject()
        reject(new Error('again'))
      })
    const good = laterStarts(twice('resolve'))
    const { root, clock } = await grow([good], { policies })
    good.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(1_000)
    expect([root.ref('a').state, root.ref('a').incarnation]).toEqual(['READY', 2])
    await root.close()

    const bad = laterStarts(twice('reject'))
    const other = await grow([bad], { policies })
    bad.lives[0]?.self.fail(new Error('broken'))
    await other.clock.advance(350)
    expect(other.story().filter(line => line.startsWith('start_error'))).toEqual([
      'start_error a#2',
      'start_error a#3',
    ])
  })

  it('that fails itself, ends and throws in one breath has failed once', async () => {
    const child = withEffects(kid('a'), ({ initialize }) => ({
      initialize: context => {
        const client = initialize(context)
        if (context.self.incarnation !== 2) return client
        context.self.fail(new Error('first'))
        context.self.end()
        context.self.ignore()
        throw new Error('last')
      },
    }))
    const { clock, story } = await grow([child], { policies })
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(1_000)
    expect(story().filter(line => line.includes('a#2'))).toEqual([
      'start_error a#2',
      'child_terminated a#2',
      'backoff_scheduled a#2 200',
    ])
  })

  it('that never settles does not keep its supervisor from closing', async () => {
    const child = kid('a', { initialize: 'wait' })
    const { root, clock } = await grow([])
    const started = root.start(child.spec).catch((error: { readonly code: string }) => error.code)
    await clock.settle()
    const closed = root.close()
    await clock.advance(1_000)
    await closed
    expect(await started).toBe('EXO_RESOURCE_CLOSED')
    child.lives[0]?.initialized.resolve()
    await clock.settle()
    expect(child.lives[0]?.cleanups.length).toBe(1)
  })
})

describe('a cleanup', () => {
  const cleaning = (after: () => Promise<void>) =>
    withEffects(kid('a'), ({ cleanup }) => ({
      cleanup: async (client, context) => {
        await cleanup?.(client, context)
        await after()
      },
    }))

  it.each([
    [
      'throws',
      async () => {
        throw new Error('cleanup')
      },
    ],
    ['hangs', forever],
  ])('that %s is told of, and holds up neither a restart nor a stop', async (_, after) => {
    const child = cleaning(after)
    const { root, clock, events } = await grow([child], { policies })
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(300 + 100)
    expect([root.ref('a').state, root.ref('a').incarnation]).toEqual(['READY', 2])
    const stopped = root.stop('a')
    await clock.advance(300)
    await stopped
    const told = events.filter(({ type }) => type === 'shutdown_error')
    expect(told.map(({ incarnation }) => incarnation)).toEqual([1, 2])
  })

  it('that ends late, or fails late, when a successor runs, changes nothing for that one', async () => {
    const late: (() => void)[] = []
    const child = cleaning(() => new Promise((_, reject) => late.push(() => reject(new Error('late')))))
    const { root, clock } = await grow([child], { policies })
    child.lives[0]?.self.fail(new Error('broken'))
    await clock.advance(300 + 100)
    late[0]?.()
    await clock.advance(1_000)
    expect([root.ref('a').state, root.ref('a').incarnation]).toEqual(['READY', 2])
  })

  it('that hangs in a supervisor with little time leaves its children no chance to live on', async () => {
    const leaf = kid('leaf')
    const hanging = withEffects(kid('hanging'), ({ cleanup }) => ({
      cleanup: async (client, context) => {
        await cleanup?.(client, context)
        await forever()
      },
    }))
    const spec: AnyChildSpec = {
      id: 'below',
      resource: supervisorResource as never,
      input: { children: [leaf.spec, { ...hanging.spec, shutdown: 'infinity' }] },
      shutdown: 200,
    }
    const { root, clock, registry } = await grow([
      { ...leaf, spec },
      { ...hanging, spec: kid('other').spec },
    ])
    const stopped = root.remove('below')
    await clock.advance(200)
    await stopped
    expect([leaf.lives[0]?.cleanups.length, hanging.lives[0]?.cleanups.length]).toEqual([1, 1])
    expect(registry.list().map(({ path }) => path)).toEqual(['root', 'root/other'])
  })
})
