// Blocks in a step like a long run would, until the test lets go of it.
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerInput } from '../../../src/engine/compute-protocol.ts'
import { StepRecorder } from '../../../src/engine/step-clock.ts'

const { steps } = workerData as WorkerInput
const recorder = new StepRecorder(steps)
const description = { layers: [0, 1], hiddenSize: 1, vocabSize: 1, first: true, last: true, contextLength: 1 }

parentPort?.on(
  'message',
  (message: { type: string; input?: ArrayBuffer; request: number; gate?: SharedArrayBuffer }) => {
    if (message.type === 'stop') {
      parentPort?.close()
      return
    }
    recorder.begin()
    const gate = new Int32Array(message.gate as SharedArrayBuffer)
    Atomics.wait(gate, 0, 0)
    recorder.end()
    parentPort?.postMessage({ type: 'finished', request: message.request, reason: 'stop' })
  },
)
parentPort?.postMessage({ type: 'ready', description })
