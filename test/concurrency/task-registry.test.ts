import { describe, expect, it } from 'vitest'
import { Background } from '../../src/concurrency/background.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { enterWork } from '../../src/concurrency/enter-work.ts'
import { gather } from '../../src/concurrency/gather.ts'
import { openTaskGroup } from '../../src/concurrency/open-task-group.ts'
import { CancelScope } from '../../src/concurrency/scope.ts'
import { withTaskGroup } from '../../src/concurrency/task-group.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { moveOnAfter, withCancelScope } from '../../src/concurrency/with-scope.ts'

function owned(owner = 'node/attic') {
  const clock = new VirtualClock()
  const registry = new TaskRegistry(clock)
  const failures: unknown[] = []
  const background = new Background({
    owner,
    clock,
    registry,
    onFailure: (error, task) => failures.push([task, error]),
  })
  /** Each task as `name < the one that began it`, in the order of the starts. */
  const shown = (): string[] => {
    const names = new Map(registry.list().map(({ id, name }) => [id, name]))
    return registry
      .list()
      .map(({ name, parent }) => (parent === undefined ? name : `${name} < ${names.get(parent)}`))
  }
  return { clock, registry, failures, background, shown }
}

describe('a task below one that is in the registry', () => {
  it('stands there under the one whose scope its group is in, however deep, with the same owner', async () => {
    const { clock, registry, background, shown } = owned()
    background.spawn('place', scope =>
      withTaskGroup(
        group => {
          group.spawn(
            inner =>
              withCancelScope(
                shielded =>
                  withTaskGroup(
                    leaves => void leaves.spawn(leaf => leaf.sleep(50), { name: 'read a file' }),
                    { scope: shielded },
                  ),
                { scope: inner, shield: true },
              ),
            { name: 'load on attic' },
          )
          group.spawn(inner => inner.sleep(100), { name: 'load on cellar' })
        },
        { scope },
      ),
    )
    await clock.settle()
    expect(shown()).toEqual([
      'place',
      'load on attic < place',
      'load on cellar < place',
      'read a file < load on attic',
    ])
    expect(new Set(registry.list().map(({ owner }) => owner))).toEqual(new Set(['node/attic']))
    await clock.advance(50)
    expect(shown()).toEqual(['place', 'load on cellar < place'])
    await clock.advance(50)
    expect(registry.size).toBe(0)
  })

  it('stands there whether a group, an open group or gather began it', async () => {
    const { clock, background, shown } = owned()
    background.spawn('all', async scope => {
      await using open = openTaskGroup({ scope, name: 'the opened' })
      open.spawn(inner => inner.sleep(10))
      await gather([inner => inner.sleep(10), inner => inner.sleep(10)], { scope, limit: 1, name: 'files' })
      await open.join()
    })
    await clock.settle()
    expect(shown()).toEqual(['all', 'task 1 of the opened < all', 'work 1 of files < all'])
    await clock.advance(10)
    // The place of a work that has ended is taken by the next, which is as much a child as the first.
    expect(shown()).toEqual(['all', 'work 2 of files < all'])
    await clock.advance(10)
    expect(shown()).toEqual([])
  })

  it('is cancelling there from the moment it is cancelled, alone or with what is around it, until it has ended', async () => {
    const { clock, registry, background } = owned()
    const states = () => registry.list().map(({ name, state }) => [name, state])
    const held = deferred<void>()
    let cancelOne = (): void => undefined
    const outer = background.spawn('place', scope =>
      withTaskGroup(
        group => {
          const one = group.spawn(() => held.promise, { name: 'one' })
          cancelOne = () => one.cancel('not needed')
          group.spawn(() => held.promise, { name: 'other' })
        },
        { scope },
      ),
    )
    await clock.settle()
    cancelOne()
    expect(states()).toEqual([
      ['place', 'running'],
      ['one', 'cancelling'],
      ['other', 'running'],
    ])
    outer.cancel()
    expect(states().map(([, state]) => state)).toEqual(['cancelling', 'cancelling', 'cancelling'])
    held.resolve()
    await clock.settle()
    expect(registry.size).toBe(0)
  })

  it('leaves it however it ends: begun cancelled, thrown at once, or started and not ready', async () => {
    const { clock, registry, failures, background, shown } = owned()
    const seen: string[][] = []
    const fault = new Error('no route')
    background.spawn('many', async scope => {
      await withTaskGroup(
        async group => {
          group.cancel('too late')
          group.spawn(inner => inner.forever(), { name: 'begun cancelled' })
          seen.push(shown())
        },
        { scope },
      )
      const unready = await withTaskGroup(
        group => {
          const starting = group.start(
            async inner => {
              await inner.sleep(10)
              throw fault
            },
            { name: 'server' },
          )
          seen.push(shown())
          return starting.catch(error => error)
        },
        { scope },
      )
      seen.push([String(unready), ...shown()])
      await withTaskGroup(
        group =>
          void group.spawn(
            () => {
              throw fault
            },
            { name: 'thrower' },
          ),
        { scope },
      )
    })
    await clock.advance(10)
    expect(seen).toEqual([
      ['many', 'begun cancelled < many'],
      ['many', 'server < many'],
      ['Error: no route', 'many'],
    ])
    expect(failures).toMatchObject([['many', { code: 'EXO_TASKS_FAILED' }]])
    expect(registry.size).toBe(0)
  })

  it('is there as long as a started task runs, also after it was ready', async () => {
    const { clock, background, shown } = owned()
    background.spawn('host', scope =>
      withTaskGroup(
        async group => {
          const { value } = await group.start(
            async (inner, ready: (port: number) => void) => {
              ready(80)
              await inner.sleep(10)
            },
            { name: 'server' },
          )
          expect(value).toBe(80)
        },
        { scope },
      ),
    )
    await clock.advance(5)
    expect(shown()).toEqual(['host', 'server < host'])
    await clock.advance(5)
    expect(shown()).toEqual([])
  })

  it('is not in it when nothing around it is', async () => {
    const { clock, registry } = owned()
    const scope = new CancelScope({ clock })
    const group = openTaskGroup({ scope })
    group.spawn(inner => inner.sleep(1))
    expect(scope.place).toBeUndefined()
    expect(registry.size).toBe(0)
    await Promise.all([group.join(), clock.advance(1)])
  })

  it('stands under no task when only the background itself is around its group', async () => {
    const { clock, background, registry } = owned()
    const { scope } = background.spawn('a', inner => inner.forever())
    expect(scope.place).toEqual({ registry, owner: 'node/attic', task: 1 })
    background.spawn('b', inner => moveOnAfter(10, limited => limited.forever(), { scope: inner }))
    expect(registry.list().map(({ parent }) => parent)).toEqual([undefined, undefined])
    await Promise.all([background.close(100), clock.advance(10)])
    expect(registry.size).toBe(0)
  })
})

describe('a background task that another one begins', () => {
  it('stands under it, and belongs to the background: it goes on when that one has ended or was cancelled', async () => {
    const { clock, background, registry, shown } = owned()
    const first = background.spawn('keep placed', scope => {
      background.spawn('place', inner => inner.sleep(20), { begunBy: scope })
      return scope.forever()
    })
    await clock.settle()
    expect(shown()).toEqual(['keep placed', 'place < keep placed'])
    first.cancel()
    await clock.settle()
    expect(registry.list()).toMatchObject([{ name: 'place', state: 'running', parent: 1 }])
    await clock.advance(20)
    expect(registry.size).toBe(0)
  })

  it('is cancelled with the background', async () => {
    const { clock, background, registry } = owned()
    background.spawn('keep placed', scope => {
      background.spawn('place', inner => inner.forever(), { begunBy: scope })
    })
    await clock.settle()
    expect(registry.list()).toMatchObject([{ name: 'place' }])
    await background.close(100)
    expect(registry.size).toBe(0)
  })

  it('stands on its own when its beginner is in no registry, or in another one', async () => {
    const { clock, background, registry } = owned()
    const other = owned()
    other.background.spawn('elsewhere', scope => scope.forever())
    const { scope } = other.background.spawn('elsewhere, too', inner => inner.forever())
    background.spawn('a', inner => inner.sleep(1), { begunBy: scope })
    background.spawn('b', inner => inner.sleep(1), { begunBy: new CancelScope({ clock }) })
    expect(registry.list()).toMatchObject([{ name: 'a' }, { name: 'b' }])
    expect(registry.list().map(({ parent }) => parent)).toEqual([undefined, undefined])
    await clock.advance(1)
    await other.background.close(100)
  })
})

describe('a background task whose result somebody waits for', () => {
  it('tells them alone when it fails', async () => {
    const { background, failures, registry } = owned()
    const fault = new Error('no place')
    const task = background.spawn('place', () => Promise.reject(fault), { awaited: true })
    await expect(task.result).rejects.toBe(fault)
    expect(failures).toEqual([])
    expect(registry.size).toBe(0)
  })
})

describe('work that no task runs', () => {
  it('is in the registry from its beginning to its end, cancelling when its signal has aborted', () => {
    const { registry } = owned()
    const abort = new AbortController()
    const place = { registry, owner: 'node/inference' }
    const generating = enterWork(place, 'generate', abort.signal)
    const waiting = enterWork(generating.place, 'wait for a place', undefined)
    abort.abort()
    expect(registry.list()).toMatchObject([
      { id: 1, name: 'generate', owner: 'node/inference', state: 'cancelling' },
      { id: 2, name: 'wait for a place', owner: 'node/inference', state: 'running', parent: 1 },
    ])
    waiting.end()
    generating.end()
    generating.end()
    expect(registry.size).toBe(0)
  })

  it('leaves no listener on a signal that outlives it', () => {
    const { registry } = owned()
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners += 1
      add(...given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...given)
    }
    const work = enterWork({ registry, owner: 'node/inference' }, 'generate', signal)
    expect(listeners).toBe(1)
    work.end()
    expect(listeners).toBe(0)
  })
})
