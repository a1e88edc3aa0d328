import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { ExovisorError } from '../../src/errors.ts'
import { createResource } from '../../src/resources/create.ts'
import type { InitializeContext } from '../../src/resources/types.ts'
import { scripted } from './scripted.ts'

function start(changes: Parameters<typeof scripted>[0], options = {}) {
  const clock = new VirtualClock()
  const made = scripted(changes)
  const resource = createResource(made.definition, { name: 'a', input: {}, clock, ...options })
  return { clock, resource, ...made }
}

describe('initialising', () => {
  it('gives what initialize returned to all who wait, and runs once', async () => {
    const { resource, lives } = start({ initialize: 'wait' })
    const [one, two] = [resource.initialize(), resource.initialize()]
    lives[0]?.initialized.resolve()
    expect(await one).toBe(lives[0]?.client)
    expect(await two).toBe(lives[0]?.client)
    expect(lives).toHaveLength(1)
    expect(resource.client).toBe(lives[0]?.client)
  })

  it('gets a context that can be passed on as a copy, signal and log included', async () => {
    const { definition } = scripted()
    let copy: Partial<InitializeContext<object>> = {}
    const initialize = (context: InitializeContext<object>) => {
      copy = { ...context }
      return definition.initialize(context)
    }
    await using resource = createResource({ ...definition, initialize }, { name: 'a', input: {} })
    await resource.initialize()
    expect(copy.signal?.aborted).toBe(false)
    expect(copy).toMatchObject({ input: {}, self: { name: 'a' }, log: expect.anything() })
  })

  it('is given up after 30 s unless told otherwise: the signal is aborted and the resource is in ERROR', async () => {
    const { resource, lives, clock } = start({ initialize: 'wait' })
    const waiting = resource.initialize().catch((error: unknown) => error)
    await clock.advance(29_999)
    expect(resource.state).toBe('INITIALIZING')
    expect(lives[0]?.signal.aborted).toBe(false)
    await clock.advance(1)
    expect(resource.state).toBe('ERROR')
    expect(lives[0]?.signal.aborted).toBe(true)
    expect(await waiting).toMatchObject({
      code: 'EXO_INITIALIZE_TIMEOUT',
      message: 'scripted "a" did not initialise within 30000 ms',
    })
  })

  it('never uses a late result, and cleans it up once', async () => {
    const { resource, lives, clock } = start({ initialize: 'wait' }, { startTimeout: 100 })
    resource.initialize().catch(() => undefined)
    await clock.advance(100)
    lives[0]?.initialized.resolve()
    await clock.settle()
    expect(resource.state).toBe('ERROR')
    expect(resource.client).toBeUndefined()
    await resource.close('over')
    expect(lives[0]?.cleanups).toMatchObject([{ client: lives[0]?.client, reason: 'over' }])
  })

  it('is aborted by close, which waits for its end and cleans up what it still acquired', async () => {
    const { resource, lives, clock } = start({ initialize: 'wait' })
    resource.initialize().catch(() => undefined)
    const closing = resource.close()
    expect(resource.state).toBe('CLOSING')
    expect(lives[0]?.signal.aborted).toBe(true)
    await clock.settle()
    expect(lives[0]?.cleanups).toEqual([])
    lives[0]?.initialized.resolve()
    await closing
    expect(lives[0]?.cleanups).toMatchObject([{ client: lives[0]?.client }])
    expect(resource.state).toBe('CLOSED')
  })

  it('that ignores its signal delays closing until the shutdown time is over, and is cleaned up whenever it ends', async () => {
    const { resource, lives, clock } = start({ initialize: 'wait' }, { shutdown: 50 })
    resource.initialize().catch(() => undefined)
    void resource.close()
    await clock.advance(50)
    expect(resource.state).toBe('CLOSED')
    expect(lives[0]?.cleanups).toEqual([])
    lives[0]?.initialized.resolve()
    await clock.settle()
    expect(lives[0]?.cleanups).toHaveLength(1)
  })

  it('that throws leads to ERROR, keeps the cause, and is still cleaned up, without a client', async () => {
    const { resource, lives } = start({ initialize: 'wait' })
    const waiting = resource.initialize()
    const cause = new Error('no route')
    lives[0]?.initialized.reject(cause)
    await expect(waiting).rejects.toMatchObject({
      code: 'EXO_RESOURCE_FAILED',
      message: 'scripted "a" failed to initialise: no route',
      cause,
    })
    expect(resource.state).toBe('ERROR')
    expect(resource.lastError).toMatchObject({ code: 'EXO_RESOURCE_FAILED', causes: ['no route'] })
    await resource.close()
    expect(lives[0]?.cleanups).toMatchObject([{ client: undefined }])
  })

  it('keeps the code of an error of the catalogue', async () => {
    const { resource, lives } = start({ initialize: 'wait' })
    const waiting = resource.initialize()
    lives[0]?.initialized.reject(new ExovisorError('EXO_PORT_IN_USE', 'port 80 is in use'))
    await expect(waiting).rejects.toMatchObject({ code: 'EXO_PORT_IN_USE' })
  })

  it('does not abort its signal later, when the work it was for is done', async () => {
    const { resource, lives } = start({})
    await resource.initialize()
    await resource.close()
    expect(lives[0]?.signal.aborted).toBe(false)
  })

  it('leaves no timer behind', async () => {
    const { resource, clock, script } = start({})
    await resource.initialize()
    await resource.close()
    expect(clock.pending).toBe(0)
    expect(script).toBeDefined()
  })
})
