import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { detach } from '../concurrency/detach.ts'
import { ExovisorError, fromErrorRecord } from '../errors.ts'
import type { Done, FromWorker, Job, ToWorker, WorkerInput } from './compute-protocol.ts'
import type { ShardDescription, ShardSpec } from './shard.ts'
import { createStepMemory, type RunningStep, readStep } from './step-clock.ts'

export type { Done, Job } from './compute-protocol.ts'

/** Where a worker starts; the extension follows this file, so it works from source and built. */
const ENTRY = new URL(`./worker-entry${extname(import.meta.filename)}`, import.meta.url)

/** A running compute worker, as seen from the thread that owns it. */
export interface ComputeWorker {
  readonly description: ShardDescription
  /** Hands over a job. The buffer of a `forward` is transferred. Once the worker has ended nothing happens. */
  submit(job: Job): void
  /** Sets who is told of results. There is one listener; results before it is set are kept. */
  onDone(listener: (done: Done) => void): void
  /** The step that runs now; it can be read while the worker is blocked by it. */
  runningStep(): RunningStep | undefined
  /** Called once when the worker has ended: without an error after {@link stop}, else with EXO_ENGINE_DIED. */
  onExit(listener: (error: ExovisorError | undefined) => void): void
  /**
   * Lets the running step end, fails the open requests with EXO_RESOURCE_CLOSED and ends the worker. There is no hard
   * stop but to kill the process: ending a thread in the middle of a run aborts the process anyway.
   */
  stop(): Promise<void>
}

interface StartOptions {
  /** Gives up: loading stops between two layers, and the worker ends. */
  readonly signal?: AbortSignal
  /** What the worker runs. Default: the real thing. */
  readonly entry?: URL
}

class WorkerHandle {
  readonly exited: Promise<ExovisorError | undefined>
  readonly #worker: Worker
  readonly #steps = createStepMemory()
  readonly #name: string
  readonly #kept: Done[] = []
  #listener: ((done: Done) => void) | undefined
  #failure: ExovisorError | undefined
  #ended = false
  #stopping = false

  constructor(spec: ShardSpec, entry: URL) {
    this.#name = `compute worker of ${spec.model} [${spec.layers.join(', ')})`
    this.#worker = new Worker(entry, { workerData: { spec, steps: this.#steps } satisfies WorkerInput })
    this.#worker.on('error', cause => {
      this.#failure = this.#death(cause instanceof Error ? cause.message : String(cause), cause)
    })
    this.exited = new Promise(resolve => {
      this.#worker.once('exit', code => {
        this.#ended = true
        resolve(this.#failure ?? (this.#stopping ? undefined : this.#death(`exit code ${code}`)))
      })
    })
  }

  /** Resolves when the shard is loaded. */
  loaded(signal: AbortSignal | undefined): Promise<ShardDescription> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        detach(this.stop())
        reject(new ExovisorError('EXO_ABORTED', `the start of the ${this.#name} was cancelled`))
      }
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort, { once: true })
      this.#worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          signal?.removeEventListener('abort', abort)
          resolve(message.description)
        } else if (message.type === 'refused') {
          this.#failure = fromErrorRecord(message.error)
          reject(this.#failure)
        } else if (this.#listener) this.#listener(message)
        else this.#kept.push(message)
      })
      detach(
        this.exited.then(error => {
          signal?.removeEventListener('abort', abort)
          reject(error ?? new ExovisorError('EXO_ABORTED', `the ${this.#name} was stopped`))
        }),
      )
    })
  }

  submit(job: Job): void {
    if (this.#ended || this.#stopping) return
    this.#post(job, job.type === 'forward' ? [job.input] : [])
  }

  listen(listener: (done: Done) => void): void {
    this.#listener = listener
    for (const done of this.#kept.splice(0)) listener(done)
  }

  runningStep(): RunningStep | undefined {
    return this.#ended ? undefined : readStep(this.#steps)
  }

  async stop(): Promise<void> {
    if (!this.#stopping && !this.#ended) this.#post({ type: 'stop' }, [])
    this.#stopping = true
    await this.exited
  }

  #post(message: ToWorker, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(message, transfer)
  }

  #death(how: string, cause?: unknown): ExovisorError {
    return new ExovisorError('EXO_ENGINE_DIED', `the ${this.#name} ended: ${how}`, { cause })
  }
}

/**
 * Starts a thread, loads the shard in it and warms it up.
 *
 * @throws EXO_MODEL_NOT_FOUND, EXO_MODEL_INVALID, EXO_SAFETENSORS_INVALID, EXO_CONFIG_INVALID, EXO_ENGINE_FAILED,
 *   EXO_ENGINE_DIED, EXO_ABORTED
 */
export async function startComputeWorker(
  spec: ShardSpec,
  options: StartOptions = {},
): Promise<ComputeWorker> {
  const handle = new WorkerHandle(spec, options.entry ?? ENTRY)
  const description = await handle.loaded(options.signal)
  return {
    description,
    submit: job => handle.submit(job),
    onDone: listener => handle.listen(listener),
    runningStep: () => handle.runningStep(),
    onExit: listener => {
      detach(handle.exited.then(listener))
    },
    stop: () => handle.stop(),
  }
}
