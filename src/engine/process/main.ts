/**
 * The engine process: one loaded shard. The main thread holds the tensor streams and the supervision channel,
 * one worker computes. It is started by the inference resource, and only ever ended from outside.
 */
import { ExovisorError, toErrorRecord } from '../../errors.ts'
import type { TensorLink } from '../../network/tensor-link.ts'
import { dialTensors, serveTensors } from '../../network/tensor-server.ts'
import { MAX_WAITING } from '../compute-protocol.ts'
import { startComputeWorker } from '../compute-worker.ts'
import type { EngineCommand, EngineReport } from './protocol.ts'
import { Stage } from './stage.ts'

const CONNECT_TIMEOUT_MS = 5_000

interface Loaded {
  readonly stage: Stage
  readonly worker: Awaited<ReturnType<typeof startComputeWorker>>
  readonly key: string | undefined
}

function report(message: EngineReport): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

/** Ends at once: leaving by `process.exit` while the worker computes would abort with a core dump. */
function end(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

async function load(command: Extract<EngineCommand, { type: 'load' }>): Promise<Loaded> {
  const { spec, host, key } = command
  const worker = await startComputeWorker(spec)
  worker.onExit(error => {
    report({ type: 'failed', error: toErrorRecord(error, 'EXO_ENGINE_FAILED') })
    end()
  })
  const stage = new Stage({
    worker,
    shard: worker.description,
    prefillChunk: spec.prefillChunk,
    maxRequests: worker.description.first && worker.description.last ? spec.slots + MAX_WAITING : spec.slots,
    now: () => performance.now(),
    onActivity: activity => report({ type: 'activity', activity }),
  })
  const { endpoint } = await serveTensors({
    host,
    port: 0,
    name: 'engine',
    ...(key !== undefined && { key }),
    onLink: link => stage.attach(link),
  })
  report({ type: 'loaded', endpoint, shard: worker.description })
  return { stage, worker, key }
}

/** Whose fault it is that the next stage cannot be reached is for the entry node to find out, so the code says only that. */
async function reach(endpoint: string, key: string | undefined): Promise<TensorLink> {
  try {
    return await dialTensors({
      endpoint,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...(key !== undefined && { key }),
    })
  } catch (cause) {
    throw new ExovisorError('EXO_STREAM_CLOSED', `the next stage at ${endpoint} cannot be reached`, { cause })
  }
}

async function link(loaded: Loaded, command: Extract<EngineCommand, { type: 'link' }>): Promise<void> {
  const { stage, key } = loaded
  if (command.epoch <= stage.epoch)
    throw new ExovisorError(
      'EXO_EPOCH_STALE',
      `epoch ${command.epoch} was offered, the stage is at ${stage.epoch}`,
    )
  const below = command.next === undefined ? undefined : await reach(command.next, key)
  stage.link(command.epoch, below)
}

let loading: Promise<Loaded> | undefined

async function obey(command: EngineCommand): Promise<void> {
  switch (command.type) {
    case 'load':
      loading = load(command)
      try {
        await loading
      } catch (error) {
        report({ type: 'failed', error: toErrorRecord(error, 'EXO_ENGINE_FAILED') })
      }
      return
    case 'link':
      try {
        if (!loading) throw new ExovisorError('EXO_INTERNAL', 'the engine was linked before it was loaded')
        await link(await loading, command)
        report({ type: 'linked', id: command.id })
      } catch (error) {
        report({ type: 'linked', id: command.id, error: toErrorRecord(error, 'EXO_STREAM_CLOSED') })
      }
      return
    case 'health': {
      const step = (await loading)?.worker.runningStep()
      const { user, system } = process.cpuUsage()
      const cpuMs = (user + system) / 1_000
      report({
        type: 'health',
        id: command.id,
        cpuMs,
        ...(step && { step: step.step, stepAgeMs: step.ageMs }),
      })
      return
    }
  }
}

// A Ctrl+C reaches the whole process group; the node decides when its engine ends.
process.on('SIGINT', () => {})
process.on('disconnect', end)
process.on('message', (command: EngineCommand) => {
  obey(command).catch((error: unknown) => report({ type: 'failed', error: toErrorRecord(error) }))
})
