import { type ChildProcess, spawn } from 'node:child_process'
import { lifecycle } from '../../machines/lifecycle.ts'
import { type Deferred, deferred } from '../concurrency/deferred.ts'
import { ExovisorError } from '../errors.ts'
import { isOfType, PING, PONG } from './answer-pings.ts'
import { defineResource } from './define.ts'
import type { ResourceLog } from './log.ts'

/** A child process to supervise. */
export interface ProcessInput {
  /** Default: this Node. */
  readonly command?: string
  readonly args?: readonly string[]
  readonly cwd?: string
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * True: it calls `answerPings`. Then it is READY with its first answer, and each health check asks it again. False: it is READY when it has
   * been started, and only its end shows that something is wrong. Default: true.
   */
  readonly pings?: boolean
  /** What it sends by `process.send`, pings aside. */
  onMessage?(message: unknown): void
}

/** A process that runs. */
export interface ProcessClient {
  readonly pid: number
  /**
   * Sends a message that its `process.on('message')` gets.
   * @throws EXO_RESOURCE_FAILED when it has ended, or has no channel because of `pings: false`
   */
  send(message: object): Promise<void>
}

const LONGEST_LINE = 2_000

class OwnedProcess implements ProcessClient {
  readonly #child: ChildProcess
  readonly #pings = new Map<number, Deferred<void>>()
  readonly #spawned = deferred<void>()
  readonly #gone = deferred<void>()
  readonly #isPinged: boolean
  #count = 0
  #answers = true

  constructor({ command = process.execPath, args = [], cwd, env, pings = true }: ProcessInput) {
    this.#isPinged = pings
    this.#child = spawn(command, args, {
      ...(cwd !== undefined && { cwd }),
      ...(env && { env }),
      stdio: ['ignore', 'pipe', 'pipe', ...(pings ? (['ipc'] as const) : [])],
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Begins to listen. `ended` is told once, with the reason, also when the process could not be started at all. */
  listen(input: ProcessInput, log: ResourceLog, ended: (error: ExovisorError) => void): void {
    const child = this.#child
    for (const [name, stream] of [
      ['stdout', child.stdout],
      ['stderr', child.stderr],
    ] as const) {
      stream?.on('data', (data: Buffer) =>
        log.debug({ pid: child.pid, stream: name, text: data.toString().slice(0, LONGEST_LINE) }, 'output'),
      )
    }
    child.on('message', message => {
      if (isOfType(message, PONG)) this.#pings.get(Number(message.id))?.resolve()
      else input.onMessage?.(message)
    })
    const end = (what: string, cause?: unknown): void => {
      const error = new ExovisorError(
        'EXO_RESOURCE_FAILED',
        `process ${child.pid ?? input.command} ${what}`,
        {
          cause,
        },
      )
      for (const { reject } of this.#pings.values()) reject(error)
      this.#spawned.reject(error)
      this.#gone.resolve()
      ended(error)
    }
    child.once('spawn', () => this.#spawned.resolve())
    child.on('error', cause => {
      if (child.pid === undefined) end(`could not be started: ${cause.message}`, cause)
      else log.warn({ pid: child.pid, reason: cause.message }, 'trouble with a process')
    })
    child.once('exit', (code, signal) => end(`ended (${signal ?? `code ${code}`})`))
  }

  send(message: object): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (cause?: unknown): void =>
        reject(
          new ExovisorError(
            'EXO_RESOURCE_FAILED',
            `process ${this.pid} takes no messages: it has no channel`,
            {
              cause,
            },
          ),
        )
      if (this.#child.connected) this.#child.send(message, error => (error ? refuse(error) : resolve()))
      else refuse()
    })
  }

  /** Resolves when it runs and has answered, if it answers at all; rejects when it ended first, or when the signal fires. */
  async isWell(signal: AbortSignal): Promise<void> {
    await this.#spawned.promise
    if (this.#isPinged) await this.#ping(signal)
  }

  /** Asks it to end, and kills it when the signal fires; at once when it does not answer any more. Resolves when it is gone. */
  async end(signal: AbortSignal): Promise<void> {
    const kill = (): void => void this.#child.kill('SIGKILL')
    if (signal.aborted || !this.#answers) kill()
    else this.#child.kill('SIGTERM')
    signal.addEventListener('abort', kill, { once: true })
    await this.#gone.promise
    signal.removeEventListener('abort', kill)
  }

  async #ping(signal: AbortSignal): Promise<void> {
    this.#count += 1
    const id = this.#count
    const answer = deferred<void>()
    const giveUp = (): void => {
      // That nobody wants to know any more says nothing against it.
      this.#answers = signal.reason instanceof ExovisorError && signal.reason.code === 'EXO_ABORTED'
      answer.reject(signal.reason)
    }
    this.#pings.set(id, answer)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      // Sending to a process that is stopped may never end, so that only its failing counts.
      this.send({ type: PING, id }).catch(answer.reject)
      await answer.promise
      this.#answers = true
    } finally {
      signal.removeEventListener('abort', giveUp)
      this.#pings.delete(id)
    }
  }
}

/**
 * A child process as a resource. Its end is a failure, noticed at once. One that lives and does nothing, because it was stopped or hangs in
 * a loop, shows by pings that it does not answer: DEGRADED by the policy's `degraded.after`, then restarted after `degraded.grace`.
 * Closing it is SIGTERM, then SIGKILL when its `shutdown` time is over; nothing of it is left when it is CLOSED.
 */
export const processResource = defineResource<ProcessInput, ProcessClient>({
  kind: 'process',
  machine: lifecycle,
  displayName: ({ command = 'node', args = [] }) => [command, ...args].join(' '),

  async initialize({ input, signal, log, self }) {
    const owned = new OwnedProcess(input)
    owned.listen(input, log, error => self.fail(error))
    try {
      await owned.isWell(signal)
      return owned
    } catch (error) {
      await owned.end(AbortSignal.abort())
      throw error
    }
  },

  async checkHealth(client, { signal }) {
    await (client as OwnedProcess).isWell(signal)
  },

  async cleanup(client, { signal }) {
    await (client as OwnedProcess | undefined)?.end(signal)
  },
})
