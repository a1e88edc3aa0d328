import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../../src/concurrency/virtual-clock.ts'
import { createResource } from '../../src/resources/create.ts'
import type { OperationContext } from '../../src/resources/network-types.ts'
import { fakeNetwork } from './fake-network.ts'

afterEach(() => void vi.unstubAllGlobals())

async function connected() {
  const clock = new VirtualClock()
  const { definition } = fakeNetwork()
  const resource = createResource(definition, { name: 'a', input: {}, clock })
  return { clock, resource, client: await resource.initialize() }
}

const never = () => new Promise<number>(() => undefined)

describe('one attempt of an operation', () => {
  it('makes no signal as long as nobody looks at it', async () => {
    const { client, resource } = await connected()
    let made = 0
    const Original = AbortController
    vi.stubGlobal(
      'AbortController',
      class extends Original {
        constructor() {
          super()
          made += 1
        }
      },
    )
    expect(await client.withConnection(() => 1, { timeout: 50 })).toBe(1)
    expect(made).toBe(0)
    await client.withConnection((_, { signal }) => signal.aborted)
    expect(made).toBe(1)
    await resource.close()
  })

  it('shows a signal that is aborted already, with the reason, to who looks after it was given up', async () => {
    const { client, clock, resource } = await connected()
    const contexts: OperationContext[] = []
    const operation = (_: unknown, context: OperationContext) => {
      contexts.push(context)
      return never()
    }
    const late = expect(client.withConnection(operation, { timeout: 50, retries: 0 })).rejects.toMatchObject({
      code: 'EXO_PEER_TIMEOUT',
    })
    await clock.advance(50)
    await late
    expect(contexts[0]?.signal.reason).toMatchObject({ code: 'EXO_PEER_TIMEOUT' })
    await resource.close()
  })

  it('is told of the end of its connection without a listener of its own on anything', async () => {
    const { client, clock, resource } = await connected()
    const listened = vi.spyOn(EventTarget.prototype, 'addEventListener')
    const ended = expect(client.withConnection(never)).rejects.toMatchObject({ code: 'EXO_RESOURCE_CLOSED' })
    await clock.settle()
    expect(listened).not.toHaveBeenCalled()
    listened.mockRestore()
    await resource.close()
    await ended
  })
})
