import { type ChildProcess, spawn } from 'node:child_process'
import { type Deferred, deferred } from '../../concurrency/deferred.ts'
import { ExovisorError, toErrorRecord } from '../../errors.ts'
import type { ResourceLog } from '../log.ts'
import { isOfType, PING, PONG } from './answer-pings.ts'

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
   * Sends a message that its `process.on('message')` gets. Resolves when the channel has taken it.
   * @throws EXO_RESOURCE_FAILED when it has ended, or has no channel because of `pings: false`; EXO_MAILBOX_FULL when 1000 messages
   * wait for the channel, since it reads none
   */
  send(message: object): Promise<void>
}

const LONGEST_LINE = 2_000
const MOST_UNSENT = 1_000

/** One child process, from its start to its end. */
export class OwnedProcess implements ProcessClient {
  readonly #child: ChildProcess
  readonly #pings = new Map<number, Deferred<void>>()
  readonly #spawned = deferred<void>()
  readonly #gone = deferred<void>()
  readonly #isPinged: boolean
  #count = 0
  #unsent = 0
  #answers = true
  #wasWell = false

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

  /**
   * Begins to listen. `ended` is told once, also when the process could not be started at all: with nothing for a process that was well
   * and ended with code 0, else with what happened.
   */
  listen(input: ProcessInput, log: ResourceLog, ended: (error: ExovisorError | undefined) => void): void {
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
      else this.#hand(message, input, log)
    })
    const end = (what: string, isNormal: boolean, cause?: unknown): void => {
      const error = new ExovisorError(
        'EXO_RESOURCE_FAILED',
        `process ${child.pid ?? input.command} ${what}`,
        { cause },
      )
      for (const { reject } of this.#pings.values()) reject(error)
      this.#spawned.reject(error)
      this.#gone.resolve()
      ended(isNormal ? undefined : error)
    }
    child.once('spawn', () => this.#spawned.resolve())
    child.on('error', cause => {
      if (child.pid === undefined) end(`could not be started: ${cause.message}`, false, cause)
      else log.warn({ pid: child.pid, reason: cause.message }, 'trouble with a process')
    })
    child.once('exit', (code, signal) =>
      end(`ended (${signal ?? `code ${code}`})`, code === 0 && this.#wasWell),
    )
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
      if (!this.#child.connected) return refuse()
      if (this.#unsent >= MOST_UNSENT) {
        return reject(
          new ExovisorError(
            'EXO_MAILBOX_FULL',
            `process ${this.pid} reads no messages: ${MOST_UNSENT} wait for its channel`,
          ),
        )
      }
      this.#unsent += 1
      this.#child.send(message, error => {
        this.#unsent -= 1
        if (error) refuse(error)
        else resolve()
      })
    })
  }

  /** Resolves when it runs and has answered, if it answers at all; rejects when it ended first, or when the signal fires. */
  async isWell(signal: AbortSignal): Promise<void> {
    await this.#spawned.promise
    if (this.#isPinged) await this.#ping(signal)
    this.#wasWell = true
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

  #hand(message: unknown, { onMessage }: ProcessInput, log: ResourceLog): void {
    try {
      onMessage?.(message)
    } catch (error) {
      log.error(
        { pid: this.pid, error: toErrorRecord(error) },
        'the listener for messages of a process threw',
      )
    }
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
