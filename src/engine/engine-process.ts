import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import type { Clock } from '../concurrency/clock.ts'
import { refuseAborted } from '../concurrency/refuse-aborted.ts'
import { ExovisorError, fromErrorRecord } from '../errors.ts'
import type { ResourceLog } from '../resources/types.ts'
import type { EngineActivity, EngineCommand, EngineReport } from './process/protocol.ts'
import type { ShardDescription, ShardSpec } from './shard.ts'

/** Where the engine process starts; the extension follows this file, so it works from source and built. */
const ENTRY = new URL(`./process/main${extname(import.meta.filename)}`, import.meta.url)

/** What an engine process is started with. */
export interface EngineProcessOptions {
  readonly spec: ShardSpec
  /** Address that neighbouring stages reach the engine on. */
  readonly host: string
  readonly key?: string
  readonly clock: Clock
  readonly log: ResourceLog
  readonly signal: AbortSignal
  /** Called once when the process has ended, unless {@link EngineProcess.kill} was called first. */
  readonly onDeath: (error: ExovisorError) => void
  readonly onActivity: (activity: EngineActivity) => void
}

/** How an engine does: the step that runs now and for how long it has, and what it has used so far. */
export interface EngineHealth {
  readonly step?: number
  readonly stepAgeMs?: number
  readonly cpuMs: number
}

type Reply = Extract<EngineReport, { type: 'linked' | 'health' }>

/**
 * A handle on one engine process, from the supervising side. The process is only ever ended by SIGKILL:
 * a run of ONNX Runtime cannot be cancelled, and leaving in the middle of one aborts with a core dump.
 */
export class EngineProcess {
  readonly pid: number
  readonly endpoint: string
  readonly shard: ShardDescription
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #exited: Promise<void>
  readonly #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>()
  #nextId = 1
  #killed = false

  private constructor(
    child: ChildProcess,
    options: EngineProcessOptions,
    loaded: Extract<EngineReport, { type: 'loaded' }>,
  ) {
    this.#child = child
    this.#clock = options.clock
    this.pid = child.pid ?? 0
    this.endpoint = loaded.endpoint
    this.shard = loaded.shard
    this.#exited = new Promise(resolve => child.once('exit', () => resolve()))
    child.on('message', (report: EngineReport) => {
      if (report.type === 'activity') options.onActivity(report.activity)
      else if (report.type === 'linked' || report.type === 'health')
        this.#waiting.get(report.id)?.resolve(report)
      else if (report.type === 'failed')
        options.log.error({ error: report.error }, 'the engine reports a failure')
    })
    child.once('exit', (code, signal) => {
      const error = new ExovisorError(
        'EXO_ENGINE_DIED',
        `engine process ${this.pid} ended (${signal ?? `code ${code}`})`,
      )
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
      if (!this.#killed) options.onDeath(error)
    })
  }

  /**
   * Starts an engine process and waits until it has loaded its shard.
   *
   * @throws EXO_ENGINE_DIED when it ends before, EXO_ABORTED when the signal fires (the process is killed then),
   *   and whatever the engine reports of the model: EXO_MODEL_INVALID, EXO_SAFETENSORS_INVALID, ...
   */
  static async start(options: EngineProcessOptions): Promise<EngineProcess> {
    refuseAborted(options.signal, 'the start of an engine')
    const child = fork(ENTRY, {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) =>
        options.log.debug({ pid: child.pid, text: data.toString().slice(0, 2_000) }, 'engine output'),
      )
    const abort = () => child.kill('SIGKILL')
    options.signal.addEventListener('abort', abort, { once: true })
    try {
      const loaded = await untilLoaded(child, options)
      return new EngineProcess(child, options, loaded)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    } finally {
      options.signal.removeEventListener('abort', abort)
    }
  }

  /** Moves the engine to an epoch, and connects it to the stage below unless it is the last. */
  async link(epoch: number, next: string | undefined, timeoutMs = 10_000): Promise<void> {
    const reply = await this.#ask(
      { type: 'link', id: 0, epoch, ...(next !== undefined && { next }) },
      timeoutMs,
    )
    if (reply.type === 'linked' && reply.error) throw fromErrorRecord(reply.error)
  }

  /** Asks the engine what it is doing. A process that lives but is stuck shows by the age of its step. */
  async health(timeoutMs: number): Promise<EngineHealth> {
    const reply = await this.#ask({ type: 'health', id: 0 }, timeoutMs)
    if (reply.type !== 'health')
      throw new ExovisorError('EXO_INTERNAL', `a ${reply.type} report came in answer to health`)
    return reply
  }

  /** Ends the process and waits until it is gone. */
  async kill(): Promise<void> {
    this.#killed = true
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    else return
    await this.#exited
  }

  #ask(command: Extract<EngineCommand, { id: number }>, timeoutMs: number): Promise<Reply> {
    const id = this.#nextId++
    return new Promise<Reply>((resolve, reject) => {
      const settle = () => {
        this.#clock.clearTimeout(timer)
        this.#waiting.delete(id)
      }
      const timer = this.#clock.setTimeout(() => {
        settle()
        reject(
          new ExovisorError(
            'EXO_ENGINE_FAILED',
            `engine process ${this.pid} did not answer ${command.type} within ${timeoutMs} ms`,
          ),
        )
      }, timeoutMs)
      this.#waiting.set(id, {
        resolve: reply => {
          settle()
          resolve(reply)
        },
        reject: error => {
          settle()
          reject(error)
        },
      })
      this.#child.send({ ...command, id }, error => {
        if (error)
          this.#waiting
            .get(id)
            ?.reject(
              new ExovisorError('EXO_ENGINE_DIED', `engine process ${this.pid} is gone`, { cause: error }),
            )
      })
    })
  }
}

function untilLoaded(
  child: ChildProcess,
  options: EngineProcessOptions,
): Promise<Extract<EngineReport, { type: 'loaded' }>> {
  const { spec, host, key, signal } = options
  return new Promise((resolve, reject) => {
    child.on('error', cause =>
      reject(new ExovisorError('EXO_ENGINE_DIED', `the engine process failed: ${cause.message}`, { cause })),
    )
    child.once('exit', (code, name) => {
      const how = `the engine process ended while it loaded ${spec.model} (${name ?? `code ${code}`})`
      reject(
        signal.aborted ? new ExovisorError('EXO_ABORTED', how) : new ExovisorError('EXO_ENGINE_DIED', how),
      )
    })
    const listen = (report: EngineReport) => {
      if (report.type === 'activity') return
      child.off('message', listen)
      if (report.type === 'loaded') resolve(report)
      else if (report.type === 'failed') reject(fromErrorRecord(report.error))
    }
    child.on('message', listen)
    child.send(
      { type: 'load', spec, host, ...(key !== undefined && { key }) } satisfies EngineCommand,
      error => {
        if (error)
          reject(new ExovisorError('EXO_ENGINE_DIED', 'the engine process is gone', { cause: error }))
      },
    )
  })
}
