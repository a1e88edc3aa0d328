import { describe, expect, it } from 'vitest'
import { Admission } from '../../src/cluster/admission.ts'
import type { GenerationEvent, GenerationRequest } from '../../src/cluster/generation.ts'
import { ModelService } from '../../src/cluster/model-service.ts'
import type { ActivePlacement } from '../../src/cluster/placement.ts'
import { TaskRegistry } from '../../src/concurrency/task-registry.ts'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import type { Model } from '../../src/models/model.ts'
import type { ModelTokenizer } from '../../src/models/tokenizer.ts'
import { silentLog } from '../../src/resources/log.ts'
import { fakeChain } from './fake-chain.ts'

const tokenizer = {
  encode: (text: string) => [...text].map(() => 1),
  isText: () => true,
  decode: (ids: readonly number[]) => ids.map(id => `<${id}>`).join(''),
} as unknown as ModelTokenizer

/** A model with one place, and one more generation that may wait for it. */
function world(acquire?: () => Promise<ActivePlacement>) {
  const registry = new TaskRegistry(new VirtualClock())
  const { chain } = fakeChain([3, 3], 1, 4_096)
  const service = new ModelService({
    model: { generation: { eosTokenIds: [] } } as unknown as Model,
    tokenizer,
    context: 4_096,
    admission: new Admission({ places: 1, waiting: 1 }),
    acquire: acquire ?? (async () => ({ epoch: 1, stages: [], chain })),
    now: () => 0,
    randomSeed: () => 0,
    newId: () => 'a generation',
    log: silentLog,
    place: { registry, owner: 'node/inference' },
  })
  const generate = (request: Partial<GenerationRequest> = {}) =>
    service.generate({ prompt: 'a', maxTokens: 4, sampling: { temperature: 0 }, ...request })
  const shown = () =>
    registry.list().map(({ name, owner, state, parent }) => `${parent ?? '-'} ${owner} ${name} ${state}`)
  return { generate, registry, shown }
}

async function all(events: AsyncIterable<GenerationEvent>): Promise<readonly string[]> {
  const types: string[] = []
  for await (const { type } of events) types.push(type)
  return types
}

describe('a generation', () => {
  it('is a task of the model from its beginning to its end', async () => {
    const { generate, shown } = world()
    const events = generate()
    expect(shown()).toEqual([])
    await events.next()
    expect(shown()).toEqual(['- node/inference generate running'])
    expect(await all(events)).toEqual(['token', 'token', 'token', 'token', 'done'])
    expect(shown()).toEqual([])
  })

  it('is no task any more when its reader has left', async () => {
    const { generate, shown } = world()
    const events = generate()
    await events.next()
    await events.next()
    await events.return()
    expect(shown()).toEqual([])
  })

  it('is no task any more when it has failed', async () => {
    const { generate, shown } = world(() => Promise.reject(new ExovisorError('EXO_NO_PLACEMENT', 'as told')))
    await expect(all(generate())).rejects.toMatchObject({ code: 'EXO_NO_PLACEMENT' })
    expect(shown()).toEqual([])
  })

  it('is never one when its request is refused', async () => {
    const { generate, registry } = world()
    await expect(all(generate({ prompt: '' }))).rejects.toMatchObject({ code: 'EXO_REQUEST_INVALID' })
    expect(registry.begin({ name: 'the first', owner: 'node' }).id).toBe(1)
  })

  it('that waits to be let in says so, until it is', async () => {
    const { generate, shown } = world()
    const [first, second] = [generate(), generate()]
    await first.next()
    const waiting = second.next()
    expect(shown()).toEqual([
      '- node/inference generate running',
      '- node/inference generate running',
      '3 node/inference wait for a place running',
    ])
    await first.return()
    await waiting
    expect(shown()).toEqual(['- node/inference generate running'])
    await second.return()
    expect(shown()).toEqual([])
  })

  it('that is turned away leaves nothing behind', async () => {
    const { generate, shown } = world()
    const [first, second] = [generate(), generate()]
    await first.next()
    const waiting = second.next()
    await expect(all(generate())).rejects.toMatchObject({ code: 'EXO_ENGINE_BUSY' })
    expect(shown()).toHaveLength(3)
    await first.return()
    await waiting
    await second.return()
    expect(shown()).toEqual([])
  })

  it('is cancelling from the moment its signal aborts', async () => {
    const { generate, shown } = world()
    const abort = new AbortController()
    const events = generate({ signal: abort.signal })
    await events.next()
    abort.abort()
    expect(shown()).toEqual(['- node/inference generate cancelling'])
    await expect(all(events)).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    expect(shown()).toEqual([])
  })

  it('that waits is cancelling, with its waiting, from the moment its signal aborts', async () => {
    const { generate, shown } = world()
    const abort = new AbortController()
    const first = generate()
    await first.next()
    const waiting = all(generate({ signal: abort.signal }))
    abort.abort()
    expect(shown().slice(1)).toEqual([
      '- node/inference generate cancelling',
      '3 node/inference wait for a place cancelling',
    ])
    await expect(waiting).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    await first.return()
    expect(shown()).toEqual([])
  })
})
