import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../machines/lifecycle.ts'
import { deferred } from '../../src/concurrency/deferred.ts'
import type { CancelScope } from '../../src/concurrency/scope.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { defineResource } from '../../src/resources/define.ts'
import type { ResourceSelf } from '../../src/resources/types.ts'
import { supervise } from '../../src/supervision/supervise.ts'
import type { SupervisionEvent } from '../../src/supervision/types.ts'

interface World {
  readonly work: (scope: CancelScope) => unknown
  readonly cleanup?: () => void
}

const worker = defineResource<World, ResourceSelf>({
  kind: 'worker',
  machine: lifecycle,
  async initialize({ input, self }) {
    self.spawn('announce', input.work)
    return self
  },
  async cleanup(_, __) {},
})

async function started(work: World['work']) {
  const clock = new VirtualClock()
  const tasks = new TaskRegistry(clock)
  const events: SupervisionEvent[] = []
  const root = await supervise({
    name: 'node',
    clock,
    tasks,
    random: () => 0.5,
    onEvent: event => events.push(event),
    children: [{ id: 'attic', resource: worker, input: { work } }],
  })
  return { clock, tasks, events, root, ref: root.ref(worker, 'attic') }
}

describe('a background task of a resource', () => {
  it('stands among the tasks of the runtime under the path of its resource, until the resource is closed', async () => {
    const { tasks, root } = await started(scope => scope.forever())
    expect(tasks.list()).toMatchObject([{ name: 'announce', owner: 'node/attic', state: 'running' }])
    await root.close()
    expect(tasks.size).toBe(0)
  })

  it('fails its resource when it throws, so that both are started anew', async () => {
    const fail = deferred<never>()
    let lives = 0
    const { clock, tasks, root, ref } = await started(scope => {
      lives += 1
      return lives === 1 ? fail.promise : scope.forever()
    })
    fail.reject(new Error('no route'))
    await clock.advance(60_000)
    expect(ref.state).toBe('READY')
    expect(ref.incarnation).toBe(2)
    expect(lives).toBe(2)
    expect(tasks.list()).toHaveLength(1)
    await root.close()
  })

  it('is no failure when it ends by itself', async () => {
    const { clock, tasks, root, ref } = await started(() => undefined)
    await clock.settle()
    expect(tasks.size).toBe(0)
    expect(ref.state).toBe('READY')
    await root.close()
  })

  it('is cancelled as soon as its resource is in ERROR, and has ended before a successor starts', async () => {
    const seen: string[] = []
    const { clock, root, ref } = await started(async scope => {
      seen.push('begins')
      await scope.forever().finally(() => seen.push(`ends in ${ref.state}`))
    })
    ref.fail(new Error('broken'))
    await clock.advance(60_000)
    expect(seen).toEqual(['begins', expect.stringMatching(/^ends in (ERROR|CLOSING)$/), 'begins'])
    await root.close()
  })

  it('is awaited before the cleanup, for half of the time to close, and then named as one that has outlived its owner', async () => {
    const stuck = deferred<void>()
    const { clock, tasks, events, root } = await started(() => stuck.promise)
    const closing = root.close()
    await clock.advance(2_500)
    await closing
    expect(events.find(({ type }) => type === 'shutdown_error')).toMatchObject({
      error: {
        code: 'EXO_TASK_LEAKED',
        message: expect.stringContaining('announce of node/attic did not end within 2500 ms'),
      },
    })
    expect(tasks.list()).toMatchObject([{ name: 'announce', owner: 'node/attic', state: 'cancelling' }])
    stuck.resolve()
    await clock.settle()
    expect(tasks.size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('is not begun any more once its resource is neither starting nor working', async () => {
    const { clock, tasks, root, ref } = await started(() => undefined)
    const self = await ref.ready()
    await root.close()
    let begun = false
    const late = self.spawn('late', () => {
      begun = true
    })
    await clock.settle()
    expect(late.status).toBe('cancelled')
    expect(begun).toBe(false)
    expect(tasks.size).toBe(0)
  })
})
