// Reports to be ready and dies of its first job.
import { parentPort } from 'node:worker_threads'

const description = { layers: [0, 1], hiddenSize: 1, vocabSize: 1, first: true, last: true, contextLength: 1 }
parentPort?.on('message', () => {
  throw new Error('out of order')
})
parentPort?.postMessage({ type: 'ready', description })
