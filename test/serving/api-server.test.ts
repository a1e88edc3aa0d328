import { describe, expect, it } from 'vitest'
import { createResource } from '../../src/resources/create.ts'
import { apiServer } from '../../src/serving/api-server.ts'
import { FakeBackend, sayingThenHanging } from './fake-backend.ts'

async function fetchStream(url: string): Promise<ReadableStream<Uint8Array>> {
  const { body } = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'tiny', prompt: 'Hi', stream: true }),
  })
  if (body === null) throw new Error('the answer has no body')
  return body
}

describe('the API as a resource', () => {
  it('is READY once it listens, shows when it serves, and is gone once CLOSED', async () => {
    const api = createResource(apiServer, {
      name: 'api',
      input: { port: 0, backend: new FakeBackend(sayingThenHanging('a')) },
    })
    const { url } = await api.initialize()
    expect(api.snapshot()).toMatchObject({ kind: 'server', state: 'READY', value: { READY: 'listening' } })
    const reader = (await fetchStream(url)).getReader()
    await reader.read()
    expect(api.snapshot().value).toEqual({ READY: 'serving' })
    await reader.cancel()
    while (JSON.stringify(api.snapshot().value) !== '{"READY":"listening"}') {
      await new Promise(resolve => setImmediate(resolve))
    }
    await api.close()
    expect(api.state).toBe('CLOSED')
    await expect(fetch(`${url}/livez`)).rejects.toThrow()
  })

  it('cuts running answers off when the time for closing is over', async () => {
    const input = { port: 0, backend: new FakeBackend(sayingThenHanging('a')), limits: { drainMs: 1e9 } }
    const api = createResource(apiServer, { input, shutdown: 50 })
    const reader = (await fetchStream((await api.initialize()).url)).getReader()
    await reader.read()
    await api.close()
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toContain('EXO_RESOURCE_CLOSED')
  })

  it('names itself when its port is taken, and leaves nothing behind', async () => {
    const first = createResource(apiServer, { input: { port: 0, backend: new FakeBackend() } })
    const { port } = await first.initialize()
    const second = createResource(apiServer, { name: 'api', input: { port, backend: new FakeBackend() } })
    await expect(second.initialize()).rejects.toBeDefined()
    expect(second.lastError).toMatchObject({
      code: 'EXO_PORT_IN_USE',
      message: expect.stringContaining('the HTTP API "api"'),
    })
    await second.close()
    await first.close()
  })

  it('is not healthy when it does not listen any more', async () => {
    await using api = createResource(apiServer, { input: { port: 0, backend: new FakeBackend() } })
    const running = await api.initialize()
    const { signal } = new AbortController()
    await apiServer.checkHealth?.(running, { signal })
    await running.close()
    await expect(apiServer.checkHealth?.(running, { signal })).rejects.toMatchObject({
      code: 'EXO_HEALTH_CHECK_FAILED',
    })
  })

  it('shows its address to people', () => {
    expect(apiServer.displayName?.({ backend: new FakeBackend() })).toBe('HTTP API on 127.0.0.1:52415')
  })
})
