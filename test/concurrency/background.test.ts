import { describe, expect, it } from 'vitest'
import { Background } from '../../src/concurrency/background.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'

function backgroundOf(owner = 'node/attic') {
  const clock = new VirtualClock()
  const registry = new TaskRegistry(clock)
  const failures: unknown[] = []
  const background = new Background({
    owner,
    clock,
    registry,
    onFailure: (error, task) => failures.push([task, error]),
  })
  return { clock, registry, failures, background }
}

describe('the background tasks of an owner', () => {
  it('stand in the registry from their start to their end, with their owner and since when they run', async () => {
    const { clock, registry, background } = backgroundOf()
    await clock.advance(100)
    background.spawn('announce', scope => scope.sleep(50))
    expect(registry.list()).toEqual([
      { id: 1, name: 'announce', owner: 'node/attic', state: 'running', startedAt: 100 },
    ])
    expect(background.running).toEqual(['announce'])
    await clock.advance(50)
    expect(registry.size).toBe(0)
    expect(background.running).toEqual([])
  })

  it('give their result to whoever asks', async () => {
    const { background } = backgroundOf()
    expect(await background.spawn('count', () => 7).result).toBe(7)
  })

  it('tell the owner when they fail, and leave the others alone', async () => {
    const { clock, failures, background } = backgroundOf()
    const fault = new Error('no route')
    background.spawn('announce', () => {
      throw fault
    })
    const other = background.spawn('rescan', scope => scope.sleep(50))
    await clock.advance(50)
    expect(failures).toEqual([['announce', fault]])
    expect(other.status).toBe('done')
  })

  it('are cancelled when the owner closes, which waits for what they still do', async () => {
    const { clock, registry, failures, background } = backgroundOf()
    let cleaned = false
    background.spawn('serve', async scope => {
      try {
        await scope.forever()
      } finally {
        await new Promise<void>(resolve => clock.setTimeout(resolve, 30))
        cleaned = true
      }
    })
    await clock.settle()
    const closing = background.close(1_000, 'the owner has ended')
    expect(registry.list()).toMatchObject([{ name: 'serve', state: 'cancelling' }])
    await clock.advance(30)
    await closing
    expect(cleaned).toBe(true)
    expect(failures).toEqual([])
    expect(registry.size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('are named when they do not end in time, and stay to be seen until they do', async () => {
    const { clock, registry, background } = backgroundOf()
    const stuck = deferred<void>()
    background.spawn('deaf', () => stuck.promise)
    background.spawn('good', scope => scope.forever())
    await clock.settle()
    const closing = background.close(500)
    await Promise.all([
      expect(closing).rejects.toMatchObject({
        code: 'EXO_TASK_LEAKED',
        message: 'deaf of node/attic did not end within 500 ms after being cancelled',
        details: { owner: 'node/attic', tasks: ['deaf'] },
      }),
      clock.advance(500),
    ])
    expect(registry.list()).toMatchObject([{ name: 'deaf', state: 'cancelling' }])
    stuck.resolve()
    await clock.settle()
    expect(registry.size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('need no registry to be run, cancelled and waited for', async () => {
    const clock = new VirtualClock()
    const background = new Background({ owner: 'node/attic', clock, onFailure: () => undefined })
    const task = background.spawn('serve', scope => scope.forever())
    await background.close(1_000)
    expect(task.status).toBe('cancelled')
    expect(background.running).toEqual([])
  })

  it('are not begun any more once the owner has cancelled them, or has closed', async () => {
    const { clock, background, failures, registry } = backgroundOf()
    background.cancel('enough')
    let begun = 0
    const late = background.spawn('late', () => (begun += 1))
    await clock.settle()
    await background.close(0)
    const later = background.spawn('later', () => (begun += 1))
    await clock.settle()
    expect([late.status, later.status]).toEqual(['cancelled', 'cancelled'])
    await expect(later.result).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect([later.name, later.startedAt]).toEqual(['later', clock.now()])
    expect(begun).toBe(0)
    expect(failures).toEqual([])
    expect(registry.size).toBe(0)
  })
})

describe('the registry of tasks', () => {
  it('says by which clock it tells when a task began', () => {
    const { clock, registry } = backgroundOf()
    expect(registry.clock).toBe(clock)
  })

  it('lists those of one owner and of what is below it', () => {
    const { registry } = backgroundOf()
    for (const owner of ['node', 'node/a', 'node/a/b', 'node/ab']) registry.begin({ name: 'work', owner })
    expect(registry.list('node/a').map(({ owner }) => owner)).toEqual(['node/a', 'node/a/b'])
    expect(registry.list()).toHaveLength(4)
  })

  it('forgets a task once, and keeps the rest', () => {
    const { registry } = backgroundOf()
    const first = registry.begin({ name: 'a', owner: 'node' })
    registry.begin({ name: 'b', owner: 'node', parent: first.id })
    first.ended()
    first.ended()
    expect(registry.list()).toMatchObject([{ id: 2, name: 'b', parent: 1 }])
  })
})
