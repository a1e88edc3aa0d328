import { Command } from 'commander'
import { isCancellation } from '../concurrency/cancellation.ts'
import type { PhaseReport } from '../concurrency/phases.ts'
import { CancelScope } from '../concurrency/scope.ts'
import { thrownText, toErrorRecord } from '../errors.ts'
import { type Node, spawnNode } from '../node.ts'
import { createLogger } from '../observe/logger.ts'
import type { SupervisorEnd } from '../supervision/types.ts'
import { version } from '../version.ts'
import { exitCodes } from './exit-codes.ts'
import { onHangup } from './hangup.ts'
import { onInterrupt } from './interrupt.ts'
import { writeJsonLine } from './json-lines.ts'
import { reportError } from './report-error.ts'

interface UpOptions {
  readonly config?: string
  readonly model?: string
  readonly name?: string
  readonly port?: string
  readonly inspect?: boolean
  readonly json?: boolean
}

/** `exovisor up`: starts a node and keeps it running. */
export function upCommand(): Command {
  return new Command('up')
    .description('start a node: the supervisor, its servers, discovery, the engine and the HTTP API')
    .option('--config <file>', 'the configuration file (default: exovisor.yaml, if it is there)')
    .option('--model <model>', 'the model to serve: builtin, or the path of a model directory')
    .option('--name <name>', 'the name of this node')
    .option('--port <port>', 'the port of the HTTP API; 0 takes a free one')
    .option('--inspect', "send the events of all machines to Stately's inspector too, and print its URL")
    .option('--json', 'print JSON log lines, one of them with "type":"ready"')
    .action(up)
}

async function up(options: UpOptions): Promise<void> {
  const interrupt = onInterrupt()
  const hangups = onHangup()
  try {
    await using node = await spawnNode({
      ...(options.config !== undefined && { config: options.config }),
      flags: {
        model: options.model,
        'node.name': options.name,
        'api.port': options.port,
        'inspect.enabled': options.inspect,
      },
      logger: level =>
        createLogger(options.json ? { level, format: 'json', to: 'stdout' } : { level, format: 'pretty' }),
      signal: interrupt.signal,
    })
    await node.ready({ signal: interrupt.signal })
    hangups.answer(() => reload(node, options))
    if (options.json)
      writeJsonLine(process.stdout, {
        type: 'ready',
        ...(node.api !== undefined && { api: node.api }),
        grpc: node.grpc,
        ...(node.console !== undefined && { console: node.console }),
        ...(node.inspector !== undefined && { inspector: node.inspector }),
        node: node.name,
        id: node.id,
      })
    else greet(node)
    const end = await endOf(node, interrupt.signal)
    if (end === 'asked') await stop(node, options)
    else if (end.error) throw end.error
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
  } finally {
    hangups.dispose()
    interrupt.dispose()
  }
}

/** How the node ended by itself, or that it was asked to stop. */
async function endOf(node: Node, asked: AbortSignal): Promise<SupervisorEnd | 'asked'> {
  using scope = new CancelScope({ signal: asked })
  try {
    return await scope.wait(node.closed)
  } catch (error) {
    if (!isCancellation(error)) throw error
    return 'asked'
  }
}

/** Says each phase that takes a person's time. What was left behind shows in the exit code. */
async function stop(node: Node, { json = false }: UpOptions): Promise<void> {
  if (!json) process.stderr.write('\nstopping; press Ctrl+C again to force it\n')
  const reports = await node.close({
    onPhase: ({ name, report }) => {
      if (json) {
        if (report) writeJsonLine(process.stdout, shutdownLine(report))
      } else if (name === 'drain' && !report) process.stderr.write('  waiting for running answers\n')
      else if (report && report.outcome !== 'done')
        process.stderr.write(`  ${name}: ${outcomeText(report)}\n`)
    },
  })
  if (reports.some(({ outcome }) => outcome !== 'done')) process.exitCode = exitCodes.incomplete
}

const shutdownLine = ({ name, outcome, took, error }: PhaseReport) => ({
  type: 'shutdown',
  phase: name,
  outcome,
  took: Math.round(took),
  ...(error !== undefined && { error: toErrorRecord(error) }),
})

const outcomeText = ({ outcome, took, error }: PhaseReport): string =>
  outcome === 'late' ? `not done after ${Math.round(took)} ms, left behind` : `failed: ${thrownText(error)}`

/** A configuration with faults is shown, and the node goes on with the one that it has. */
function reload(node: Node, { json = false }: UpOptions): void {
  try {
    node.reload()
  } catch (error) {
    reportError(error, { json })
  }
}

/** The picture of the machines comes from stately.ai; everything else stays on this machine. */
const inspectorLine = ({ inspector }: Node): string =>
  inspector === undefined ? '' : `\n  Stately ${inspector} (the page needs the internet)`

function greet(node: Node): void {
  const api = node.api ?? 'off'
  const question =
    '{"model":"MODEL","messages":[{"role":"user","content":"What happens to a DEGRADED peer?"}]}'
  process.stdout.write(
    `
Exovisor ${version}, node ${node.name}
  model   ${node.model.name}, ${node.model.layers} layers, context of ${node.model.contextLength} tokens
  API     ${api}
  console ${node.console ?? 'off'}
  gRPC    ${node.grpc}${inspectorLine(node)}

Ask it something from another terminal:
  npx exovisor run builtin "What happens to a DEGRADED peer?"
  curl ${api}/v1/chat/completions -H 'content-type: application/json' -d '${question.replace('MODEL', node.model.name)}'

Ctrl+C stops it.
`,
  )
}
