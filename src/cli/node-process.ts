import { type ChildProcess, fork } from 'node:child_process'
import { extname, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { node as machine } from '../../machines/node.ts'
import type { Config } from '../config/schema.ts'
import { type ErrorRecord, ExovisorError, fromErrorRecord } from '../errors.ts'
import { builtinModel } from '../models/resolve.ts'
import { defineResource } from '../resources/define.ts'

/** What a further node process on this machine is started with. */
export interface NodeProcessInput {
  readonly name: string
  readonly namespace: string
  /** The model that it is to hold layers of. */
  readonly model: string
  readonly key?: string
  readonly engine: Config['engine']
}

/** A node process that is ready. */
export interface NodeProcessClient {
  readonly pid: number
  readonly name: string
  /** Stable id of the node; a new one with each process. */
  readonly id: string
  /** `host:port` of its gRPC server. */
  readonly grpc: string
}

/** The process runs in another folder, so a path must be absolute. */
const locate = (model: string): string => (model === builtinModel ? model : resolve(model))

const MAIN = new URL(`./main${extname(import.meta.filename)}`, import.meta.url)
const GRACE_MS = 2_000
/** How much of what a node process says is kept, to tell why it did not start. */
const SAID_LENGTH = 4_096

/** A node in a process of its own on this machine: what `exovisor run --nodes N` adds beside itself. */
export const nodeProcess = defineResource<NodeProcessInput, NodeProcessClient & { stop(): Promise<void> }>({
  kind: 'node',
  machine,
  displayName: ({ name }) => `node process ${name}`,

  async initialize({ input, signal, self, log, clock }) {
    const child = fork(MAIN, ['up', '--json', '--name', input.name, '--model', locate(input.model)], {
      cwd: import.meta.dirname,
      execArgv: [],
      env: { ...withoutSettings(process.env), ...settings(input) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
    const kill = () => void child.kill('SIGKILL')
    signal.addEventListener('abort', kill, { once: true })
    let said = ''
    child.stderr?.on('data', (data: Buffer) => {
      said = (said + data.toString()).slice(-SAID_LENGTH)
      log.debug({ node: input.name, text: data.toString().slice(0, SAID_LENGTH) }, 'node output')
    })
    try {
      const { grpc, id } = await readyLine(child, input.name, () => said)
      let stopping = false
      child.once('exit', (code, name) => {
        if (!stopping)
          self.fail(
            new ExovisorError(
              'EXO_RESOURCE_FAILED',
              `node process ${input.name} ended (${name ?? `code ${code}`})`,
            ),
          )
      })
      return {
        pid: child.pid ?? 0,
        name: input.name,
        id,
        grpc,
        async stop() {
          stopping = true
          if (child.exitCode !== null || child.signalCode !== null) return
          // The channel is how the child learns that it is no longer wanted, whatever happens to us.
          if (child.connected) child.disconnect()
          const timer = clock.setTimeout(kill, GRACE_MS)
          await exited
          clock.clearTimeout(timer)
        },
      }
    } catch (error) {
      kill()
      throw error
    } finally {
      signal.removeEventListener('abort', kill)
    }
  },

  cleanup: async client => client?.stop(),
})

/** All that it needs comes by its environment; it runs in the folder of the package, where no configuration file lies. */
function settings({ namespace, key, engine }: NodeProcessInput): Record<string, string> {
  return {
    EXOVISOR_NODE__NAMESPACE: namespace,
    EXOVISOR_API__ENABLED: 'false',
    EXOVISOR_CONSOLE__ENABLED: 'false',
    EXOVISOR_DISCOVERY__UDP__ENABLED: 'false',
    EXOVISOR_GRPC__PORT: '0',
    EXOVISOR_ENGINE: JSON.stringify(engine),
    ...(key !== undefined && { EXOVISOR_GRPC__KEY: key }),
  }
}

/** What is set for this node is not meant for the others, and neither is a configuration file of the folder. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('EXOVISOR_')))
}

function readyLine(
  child: ChildProcess,
  name: string,
  said: () => string,
): Promise<Pick<NodeProcessClient, 'grpc' | 'id'>> {
  return new Promise((resolve, reject) => {
    const fail = (how: string, cause?: unknown) =>
      reject(new ExovisorError('EXO_RESOURCE_FAILED', `node process ${name} ${how}`, { cause }))
    child.once('error', cause => fail(cause.message, cause))
    // After `close` all that it said has come.
    child.once('close', (code, signal) => {
      const cause = reportedError(said())
      fail(cause?.message ?? `ended before it was ready (${signal ?? `code ${code}`})`, cause)
    })
    if (!child.stdout) return
    const lines = createInterface({ input: child.stdout })
    lines.on('line', line => {
      if (!line.includes('"ready"')) return
      const { type, grpc, id } = JSON.parse(line) as { type?: string; grpc?: string; id?: string }
      if (type === 'ready' && grpc !== undefined && id !== undefined) resolve({ grpc, id })
    })
  })
}

/** The last error that a command with `--json` has reported. */
function reportedError(said: string): ExovisorError | undefined {
  const line = said.split('\n').findLast(text => text.startsWith('{"error":'))
  if (line === undefined) return undefined
  const { error } = JSON.parse(line) as { error: ErrorRecord }
  return fromErrorRecord(error)
}
