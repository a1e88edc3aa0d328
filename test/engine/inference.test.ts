import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { StageChain } from '../../src/cluster/stage-chain.ts'
import { type InferenceClient, type InferenceInput, inference } from '../../src/engine/inference.ts'
import { dialTensors } from '../../src/network/tensor-server.ts'
import { createResource, type OwnedResource } from '../../src/resources/create.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const LAYERS = 4
const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }

function input(layers: readonly [number, number], model = fixture): InferenceInput {
  return {
    spec: { model, layers, context: 64, slots: 2, threads: 1, prefillChunk: 4, kind: 'onnx' },
    host: '127.0.0.1',
  }
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function stateReached(resource: OwnedResource<InferenceClient, never>, state: string): Promise<void> {
  return new Promise(done => {
    const leave = resource.subscribe(change => {
      if (change.state !== state) return
      leave()
      done()
    })
  })
}

async function generate(cuts: readonly (readonly [number, number])[]): Promise<number[]> {
  const engines = cuts.map(layers => createResource(inference, { input: input(layers) }))
  try {
    const clients = await Promise.all(engines.map(engine => engine.initialize()))
    for (let index = clients.length - 1; index >= 0; index -= 1)
      await clients[index]!.link(1, clients[index + 1]?.endpoint)
    const chain = new StageChain(await dialTensors({ endpoint: clients[0]!.endpoint }), 1)
    const ids: number[] = []
    for await (const event of chain.generate({
      ids: [5, 9, 20, 33, 7, 41],
      maxTokens: 12,
      stopIds: [],
      sampling,
    }))
      if (event.type === 'token') ids.push(event.id)
    chain.close()
    return ids
  } finally {
    await Promise.all(engines.map(engine => engine.close()))
  }
}

describe('an inference resource', () => {
  const broken = mkdtempSync(join(tmpdir(), 'exovisor-broken-'))
  afterAll(() => rmSync(broken, { recursive: true, force: true }))

  it('runs its shard in a process of its own, and is linked into a chain that gives the tokens of the whole model', async () => {
    const whole = await generate([[0, LAYERS]])
    expect(whole).toHaveLength(12)
    expect(
      await generate([
        [0, 1],
        [1, 3],
        [3, LAYERS],
      ]),
    ).toEqual(whole)
  })

  it('fails with EXO_ENGINE_DIED as soon as its process is killed', async () => {
    await using engine = createResource(inference, { input: input([0, LAYERS]) })
    const { pid } = await engine.initialize()
    const failed = stateReached(engine, 'ERROR')
    process.kill(pid, 'SIGKILL')
    await failed
    expect(engine.lastError).toMatchObject({
      code: 'EXO_ENGINE_DIED',
      message: expect.stringContaining(String(pid)),
    })
  })

  it('leaves no process when it is closed', async () => {
    const engine = createResource(inference, { input: input([0, LAYERS]) })
    const { pid } = await engine.initialize()
    expect(alive(pid)).toBe(true)
    await engine.close()
    expect(alive(pid)).toBe(false)
  })

  it('is told from its health check when its process lives but is stopped', async () => {
    await using engine = createResource(inference, { input: { ...input([0, LAYERS]), healthTimeoutMs: 100 } })
    const { pid } = await engine.initialize()
    process.kill(pid, 'SIGSTOP')
    await expect(engine.client?.checkHealth()).rejects.toMatchObject({
      code: 'EXO_ENGINE_FAILED',
      message: expect.stringContaining('health'),
    })
    process.kill(pid, 'SIGCONT')
    await expect(engine.client?.checkHealth()).resolves.toBeUndefined()
  })

  it('counts its generations, so that an inspector shows what it does', async () => {
    await using engine = createResource(inference, { input: input([0, LAYERS]) })
    const { endpoint, link } = await engine.initialize()
    await link(1, undefined)
    const chain = new StageChain(await dialTensors({ endpoint }), 1)
    const values = new Set<string>()
    for await (const _ of chain.generate({ ids: [5, 9], maxTokens: 40, stopIds: [], sampling })) {
      await new Promise(setImmediate)
      values.add(JSON.stringify(engine.snapshot().value))
    }
    expect(values).toContain('{"READY":"decoding"}')
    chain.close()
  })

  it('refuses to go back to an older epoch', async () => {
    await using engine = createResource(inference, { input: input([0, LAYERS]) })
    const { link } = await engine.initialize()
    await link(5, undefined)
    await expect(link(4, undefined)).rejects.toMatchObject({
      code: 'EXO_EPOCH_STALE',
      message: expect.stringMatching(/4.*5/),
    })
  })

  it('says so when the stage below cannot be reached', async () => {
    await using engine = createResource(inference, { input: input([0, 2]) })
    const { link } = await engine.initialize()
    await expect(link(1, '127.0.0.1:1')).rejects.toMatchObject({
      code: 'EXO_STREAM_CLOSED',
      message: expect.stringContaining('127.0.0.1:1'),
    })
  })

  it('answers messages of other actors', async () => {
    await using engine = createResource(inference, { input: input([0, LAYERS]) })
    const { pid } = await engine.initialize()
    expect(await engine.ask({ type: 'describe' })).toMatchObject({ pid, shard: { layers: [0, LAYERS] } })
  })

  it('names the file when the weights are truncated, and leaves no process', async () => {
    const model = join(broken, 'truncated')
    cpSync(fixture, model, { recursive: true })
    truncateSync(join(model, 'model.safetensors'), 1_000)
    await using engine = createResource(inference, { input: input([0, LAYERS], model) })
    await expect(engine.initialize()).rejects.toMatchObject({
      code: 'EXO_SAFETENSORS_INVALID',
      message: expect.stringContaining('model.safetensors'),
    })
  })

  it('kills the process when it is closed while the model loads', async () => {
    const engine = createResource(inference, { input: input([0, LAYERS]) })
    const ready = engine.initialize()
    ready.catch(() => undefined)
    await engine.close()
    await expect(ready).rejects.toMatchObject({
      code: expect.stringMatching(/EXO_RESOURCE_CLOSED|EXO_ABORTED/),
    })
  })
})

describe('an engine process', () => {
  it('ends by itself when the process that watches it is gone', async () => {
    const { fork } = await import('node:child_process')
    const child = fork(resolve(import.meta.dirname, '../../src/engine/process/main.ts'), {
      execArgv: [],
      stdio: 'ignore',
      serialization: 'advanced',
    })
    child.send({ type: 'load', spec: input([0, LAYERS]).spec, host: '127.0.0.1' })
    await once(child, 'message')
    child.disconnect()
    const [code, signal] = await once(child, 'exit')
    expect([code, signal]).toEqual([null, 'SIGKILL'])
  })
})
