import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type ComputeWorker,
  type Done,
  type Job,
  startComputeWorker,
} from '../../src/engine/compute-worker.ts'
import type { ShardSpec } from '../../src/engine/shard.ts'
import { loadModel } from '../../src/models/load.ts'
import { writeTinyLlama } from '../fixtures/make-tiny-llama.ts'
import { seededIds } from './seeded-numbers.ts'
import { greedy, ShardChain, specOf, splitLayers } from './shard-chain.ts'

const model = await loadModel(join(import.meta.dirname, '../fixtures/tiny-llama'))
const entry = (name: string) => new URL(`./workers/${name}.ts`, import.meta.url)
const prompt = (length: number, seed = 1) => seededIds(seed, length, model.config.vocabSize)

const workers: WorkerUnderTest[] = []
afterEach(async () => {
  for (const { worker } of workers.splice(0)) await worker.stop()
})

/** A worker whose results can be awaited. */
class WorkerUnderTest {
  readonly done: Done[] = []
  readonly worker: ComputeWorker
  #wake: (() => void) | undefined

  constructor(worker: ComputeWorker) {
    this.worker = worker
    worker.onDone(done => {
      this.done.push(done)
      this.#wake?.()
    })
  }

  static async start(
    changes: Partial<ShardSpec> = {},
    options: { entry?: URL } = {},
  ): Promise<WorkerUnderTest> {
    const started = new WorkerUnderTest(
      await startComputeWorker(specOf(model, { prefillChunk: 8, ...changes }), options),
    )
    workers.push(started)
    return started
  }

  submit(...jobs: Job[]): void {
    for (const job of jobs) this.worker.submit(job)
  }

  /** The first result that fits, past or future. */
  async until(fits: (done: Done) => boolean): Promise<Done> {
    for (;;) {
      const found = this.done.find(fits)
      if (found) return found
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  async ended(request: number): Promise<Done> {
    return await this.until(
      done => done.request === request && (done.type === 'finished' || done.type === 'failed'),
    )
  }

  tokens(request: number): number[] {
    return this.done.flatMap(done => (done.type === 'token' && done.request === request ? [done.id] : []))
  }
}

const open = (request: number, ids: readonly number[]): Job => ({
  type: 'open',
  request,
  ids: Int32Array.from(ids),
  sampling: greedy,
})
const generate = (request: number, maxTokens: number): Job => ({
  type: 'generate',
  request,
  maxTokens,
  stopIds: [],
})

async function continuation(ids: readonly number[], count: number): Promise<number[]> {
  const chain = await ShardChain.load(model, 1, { prefillChunk: 8 })
  const result = await chain.generate(ids, count)
  await chain.dispose()
  return result.ids
}

describe('the compute worker', () => {
  it('describes what it has loaded', async () => {
    const { worker } = await WorkerUnderTest.start({ layers: [1, 3], context: 64 })
    expect(worker.description).toEqual({
      layers: [1, 3],
      hiddenSize: 32,
      vocabSize: 272,
      first: false,
      last: false,
      contextLength: 64,
      stepMs: expect.any(Number),
    })
    expect(worker.runningStep()).toBeUndefined()
  })

  it('generates for many requests at a time what each would get alone', async () => {
    const under = await WorkerUnderTest.start({ slots: 3 })
    const prompts = [1, 2, 3, 4, 5].map(seed => prompt(4 * seed, seed))
    for (const [request, ids] of prompts.entries()) under.submit(open(request, ids), generate(request, 20))
    for (const [request, ids] of prompts.entries()) {
      expect(await under.ended(request)).toEqual({ type: 'finished', request, reason: 'length' })
      expect(under.tokens(request)).toEqual(await continuation(ids, 20))
    }
  })

  it('passes hidden states over a chain of workers, whose last one samples', async () => {
    const stages: WorkerUnderTest[] = []
    for (const layers of splitLayers(4, 3)) stages.push(await WorkerUnderTest.start({ layers }))
    const ids = prompt(20)
    for (const stage of stages) stage.submit(open(1, ids))
    const sequence = [...ids]
    for (let position = 0; sequence.length < 26; ) {
      const piece = sequence.slice(position, position + 8)
      const sample = position + piece.length === sequence.length
      let input = Int32Array.from(piece).buffer
      for (const stage of stages) {
        const job: Job = { type: 'forward', request: 1, position, rows: piece.length, input, sample }
        stage.submit(job)
        expect(input.byteLength).toBe(0)
        const done = await stage.until(one =>
          'rows' in one
            ? one.position === position
            : one.type !== 'finished' && one.type !== 'failed' && one.position === position + piece.length,
        )
        if (done.type === 'hidden') input = done.data
        else if (done.type === 'token') sequence.push(done.id)
      }
      position += piece.length
    }
    expect(sequence.slice(20)).toEqual(await continuation(ids, 6))
  })

  it('ends a request within one step of its close', async () => {
    const under = await WorkerUnderTest.start({ slots: 1 })
    under.submit(open(1, prompt(4)), generate(1, 250))
    await under.until(done => done.type === 'token')
    under.submit({ type: 'close', request: 1 }, open(2, prompt(4)), generate(2, 1))
    expect(await under.ended(2)).toMatchObject({ type: 'finished' })
    expect(under.done.some(done => done.request === 1 && done.type === 'finished')).toBe(false)
    const after = under.done.length
    await turn()
    expect(under.done.slice(after).filter(done => done.request === 1)).toEqual([])
  })

  it('keeps results until somebody listens', async () => {
    const worker = await startComputeWorker(specOf(model, { kind: 'dummy' }))
    worker.submit(open(1, prompt(300)))
    worker.submit({ type: 'close', request: 1 })
    await worker.stop()
    const done: Done[] = []
    worker.onDone(one => done.push(one))
    expect(done).toEqual([expect.objectContaining({ type: 'failed', request: 1 })])
  })

  it('tells the running step and its age while it is blocked', async () => {
    const under = await WorkerUnderTest.start({}, { entry: entry('blocked-worker') })
    const gate = new Int32Array(new SharedArrayBuffer(4))
    under.submit({ type: 'close', request: 7, gate: gate.buffer } as Job)
    while (!under.worker.runningStep()) await turn()
    const first = under.worker.runningStep()!
    expect(first.step).toBe(1)
    expect(under.worker.runningStep()!.ageMs).toBeGreaterThan(first.ageMs)
    Atomics.store(gate, 0, 1)
    Atomics.notify(gate, 0)
    await under.ended(7)
    expect(under.worker.runningStep()).toBeUndefined()
  })
})

describe('the end of a compute worker', () => {
  it('fails open requests when it is stopped, and says that it was no accident', async () => {
    const under = await WorkerUnderTest.start()
    const exits: unknown[] = []
    under.worker.onExit(error => exits.push(error))
    under.submit(open(1, prompt(4)), generate(1, 250), open(2, prompt(4)))
    await under.until(done => done.type === 'token')
    await under.worker.stop()
    for (const request of [1, 2])
      expect(await under.ended(request)).toMatchObject({ error: { code: 'EXO_RESOURCE_CLOSED' } })
    expect(exits).toEqual([undefined])
    under.submit(open(3, prompt(4)))
    await under.worker.stop()
  })

  it('is told with its cause when the thread dies', async () => {
    const { worker } = await WorkerUnderTest.start({}, { entry: entry('dying-worker') })
    const exit = new Promise(resolve => worker.onExit(resolve))
    worker.submit({ type: 'close', request: 1 })
    expect(await exit).toMatchObject({
      code: 'EXO_ENGINE_DIED',
      message: expect.stringContaining('out of order'),
      cause: expect.objectContaining({ message: 'out of order' }),
    })
  })

  it('fails the start when the thread dies before it is ready', async () => {
    await expect(WorkerUnderTest.start({}, { entry: entry('stillborn-worker') })).rejects.toMatchObject({
      code: 'EXO_ENGINE_DIED',
      message: expect.stringContaining('no thread today'),
    })
  })
})

describe('starting a compute worker', () => {
  it('fails with what is wrong with the model or the spec', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exovisor-worker-'))
    writeTinyLlama(directory)
    truncateSync(join(directory, 'model.safetensors'), 150_000)
    const cases: readonly [Partial<ShardSpec>, string][] = [
      [{ model: directory }, 'EXO_SAFETENSORS_INVALID'],
      [{ model: join(directory, 'nowhere') }, 'EXO_MODEL_NOT_FOUND'],
      [{ layers: [3, 9] }, 'EXO_CONFIG_INVALID'],
    ]
    for (const [changes, code] of cases)
      await expect(WorkerUnderTest.start(changes)).rejects.toMatchObject({ code })
    rmSync(directory, { recursive: true })
  })

  it('is given up when its signal fires, before or while it loads', async () => {
    const controller = new AbortController()
    const starting = startComputeWorker(specOf(model), { signal: controller.signal })
    controller.abort()
    await expect(starting).rejects.toMatchObject({ code: 'EXO_ABORTED' })
    await expect(startComputeWorker(specOf(model), { signal: controller.signal })).rejects.toMatchObject({
      code: 'EXO_ABORTED',
    })
  })
})
