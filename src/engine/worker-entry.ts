/**
 * The compute worker: the thread in which a shard is computed. A step blocks it, so it has no timers, and between
 * two steps the event loop has its turn, so a `close` or `stop` waits for one step at most.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { ExovisorError, toErrorRecord } from '../errors.ts'
import { BatchScheduler } from './batch-scheduler.ts'
import type { FromWorker, Job, ToWorker, WorkerInput } from './compute-protocol.ts'
import { createCompute, type WarmCompute } from './create-compute.ts'
import { StepRecorder } from './step-clock.ts'

const port = parentPort
if (!port) throw new ExovisorError('EXO_INTERNAL', 'worker-entry is the start of a worker thread')
const { spec, steps } = workerData as WorkerInput

function send(message: FromWorker): void {
  port?.postMessage(message, message.type === 'hidden' ? [message.data] : [])
}

const stopping = new AbortController()
const inbox: Job[] = []
let wake: (() => void) | undefined

port.on('message', (message: ToWorker) => {
  if (message.type === 'stop') stopping.abort()
  else inbox.push(message)
  wake?.()
})

/** Ends once there is something to do. */
const nextTurn = (busy: boolean): Promise<void> =>
  new Promise(resolve => {
    if (busy || inbox.length > 0 || stopping.signal.aborted) setImmediate(resolve)
    else
      wake = () => {
        wake = undefined
        setImmediate(resolve)
      }
  })

async function serve({ compute, stepMs }: WarmCompute): Promise<void> {
  const scheduler = new BatchScheduler({ compute, spec, steps: new StepRecorder(steps), emit: send })
  send({ type: 'ready', description: { ...compute.description, ...(stepMs !== undefined && { stepMs }) } })
  for (;;) {
    await nextTurn(scheduler.busy)
    for (const job of inbox.splice(0)) scheduler.submit(job)
    if (stopping.signal.aborted) break
    await scheduler.step()
  }
  scheduler.abandon(new ExovisorError('EXO_RESOURCE_CLOSED', 'the engine was stopped'))
}

try {
  const warm = await createCompute(spec, stopping.signal)
  await serve(warm)
  await warm.compute.dispose()
} catch (error) {
  send({ type: 'refused', error: toErrorRecord(error, 'EXO_ENGINE_FAILED') })
} finally {
  port.close()
}
