import { inference as machine } from '../../machines/inference.ts'
import { ExovisorError } from '../errors.ts'
import { defineResource } from '../resources/define.ts'
import { EngineProcess } from './engine-process.ts'
import type { ShardDescription, ShardSpec } from './shard.ts'

/** What an inference resource is started with: one shard of one model. */
export interface InferenceInput {
  readonly spec: ShardSpec
  /** Address that neighbouring stages reach the engine on. */
  readonly host: string
  /** Secret that neighbouring stages must show. */
  readonly key?: string
  /** How long the engine may take to answer a health check, in milliseconds. Default 2,000. */
  readonly healthTimeoutMs?: number
}

/** An engine that has loaded its shard. */
export interface InferenceClient {
  /** Process id of the engine. */
  readonly pid: number
  /** `host:port` of its tensor stream. */
  readonly endpoint: string
  readonly shard: ShardDescription
  /** Moves the engine to an epoch, and connects it to the stage below unless it is the last. */
  link(epoch: number, next: string | undefined): Promise<void>
  /** @throws EXO_ENGINE_DIED, EXO_ENGINE_FAILED when it does not answer or its step runs for too long */
  checkHealth(): Promise<void>
}

/** What other actors may tell or ask an inference resource; both are answered by what it holds. */
export type InferenceMessage =
  | { readonly type: 'link'; readonly epoch: number; readonly next?: string }
  | { readonly type: 'describe' }

/** How long one step may run before the engine counts as stuck. */
const STEP_TIMEOUT_MS = 30_000

/**
 * One engine process with one loaded shard. The process is watched from outside: its end makes the resource
 * ERROR at once, a step that hangs does so by the health check, and closing it is a SIGKILL.
 */
export const inference = defineResource<
  InferenceInput,
  InferenceClient & { kill(): Promise<void> },
  InferenceMessage
>({
  kind: 'inference',
  machine,
  displayName: ({ spec }) => `${spec.model} layers ${spec.layers[0]} to ${spec.layers[1] - 1}`,

  async initialize({ input, signal, log, self, clock }) {
    const { spec, host, key, healthTimeoutMs = 2_000 } = input
    const engine = await EngineProcess.start({
      spec,
      host,
      ...(key !== undefined && { key }),
      clock,
      log,
      signal,
      onDeath: error => self.fail(error),
      onActivity: activity => self.send({ type: activity }),
    })
    return {
      pid: engine.pid,
      endpoint: engine.endpoint,
      shard: engine.shard,
      link: (epoch, next) => engine.link(epoch, next),
      kill: () => engine.kill(),
      async checkHealth() {
        const { stepAgeMs = 0, step } = await engine.health(healthTimeoutMs)
        if (stepAgeMs > STEP_TIMEOUT_MS)
          throw new ExovisorError(
            'EXO_ENGINE_FAILED',
            `step ${step} of engine process ${engine.pid} has run for ${Math.round(stepAgeMs)} ms, the limit is ${STEP_TIMEOUT_MS} ms`,
          )
      },
    }
  },

  checkHealth: client => client.checkHealth(),

  cleanup: async client => client?.kill(),

  async receive(client, message) {
    if (message.type === 'link') await client.link(message.epoch, message.next)
    return { pid: client.pid, endpoint: client.endpoint, shard: client.shard }
  },
})
