import { Command, Option } from 'commander'
import { benchmarkPrompt, greedyPayload, measureBatch, measureSequence } from '../cluster/measure.ts'
import { StageChain } from '../cluster/stage-chain.ts'
import { isCancellation } from '../concurrency/cancellation.ts'
import { realClock } from '../concurrency/clock.ts'
import { CancelScope } from '../concurrency/scope.ts'
import { EngineProcess } from '../engine/engine-process.ts'
import { ExovisorError } from '../errors.ts'
import { loadModel } from '../models/load.ts'
import type { Model } from '../models/model.ts'
import { dialTensors } from '../network/tensor-server.ts'
import { silentLog } from '../resources/log.ts'
import { exitCodes } from './exit-codes.ts'
import { onInterrupt } from './interrupt.ts'
import { writeJsonLine } from './json-lines.ts'
import { wholeOption } from './number-option.ts'

interface BenchOptions {
  readonly quant: 'f32'
  readonly context: number
  readonly tokens: number
  readonly threads: number
  readonly batch?: number
  readonly json?: boolean
}

/** The outcome of one run, as `--json` prints it. */
interface BenchResult {
  readonly engine: 'exovisor'
  readonly quant: 'f32'
  readonly context: number
  readonly tokens: number
  /** From submitting the prompt to the first token. */
  readonly prefill_ms: number
  /** Median between two tokens. */
  readonly decode_ms_per_token: number
  readonly decode_tok_s: number
  /** User and system time of all processes of the engine, over tokens - 1. */
  readonly cpu_ms_per_token: number
  readonly token_ids: readonly number[]
}

const SEED = 1

/** `exovisor bench`: measures the engine on one machine. */
export function benchCommand(): Command {
  return new Command('bench')
    .description('measure the engine: one whole model in one engine process, greedy, the end token ignored')
    .argument('<model-dir>', 'builtin, or the path of a model directory')
    .addOption(new Option('--quant <type>', 'the type of the weights').choices(['f32']).default('f32'))
    .option('--context <n>', 'tokens of the prompt', wholeOption(1, 1_048_576), 128)
    .option('--tokens <n>', 'tokens to generate', wholeOption(2, 1_048_576), 64)
    .option('--threads <n>', 'compute threads', wholeOption(1, 256), 1)
    .option(
      '--batch <n>',
      'measure the throughput of so many sequences at a time instead',
      wholeOption(1, 1_024),
    )
    .option('--json', 'print one line of JSON')
    .action(bench)
}

async function bench(directory: string, options: BenchOptions): Promise<void> {
  const model = await loadModel(directory)
  const { contextLength } = model.config
  const length = options.context + options.tokens
  if (length > contextLength)
    throw new ExovisorError(
      'EXO_PROMPT_TOO_LONG',
      `--context ${options.context} and --tokens ${options.tokens} make ${length} tokens, but ${model.name} takes ${contextLength}`,
    )
  const interrupt = onInterrupt()
  let death: ExovisorError | undefined
  // Ends with the engine, and with the wish of the user.
  using scope = new CancelScope({ signal: interrupt.signal, name: 'the bench' })
  const engine = await EngineProcess.start({
    spec: {
      model: model.directory,
      layers: [0, model.config.layers],
      context: Math.min(contextLength, Math.max(length, 16)),
      slots: options.batch ?? 1,
      threads: options.threads,
      prefillChunk: 128,
      kind: 'onnx',
    },
    host: '127.0.0.1',
    clock: realClock,
    log: silentLog,
    signal: interrupt.signal,
    onDeath: error => {
      death = error
      scope.cancel(error)
    },
    onActivity: () => undefined,
  })
  try {
    await engine.link(1, undefined)
    const chain = new StageChain(await dialTensors({ endpoint: engine.endpoint }), 1)
    const measured = options.batch
      ? throughput(chain, model, options)
      : sequence(chain, model, engine, options)
    try {
      await scope.wait(measured)
    } catch (error) {
      if (!isCancellation(error)) throw error
      // Assigned by a callback, which the types do not see.
      const ended = death as ExovisorError | undefined
      if (ended) throw ended
      process.exitCode = exitCodes.interrupted
    }
    chain.close()
  } finally {
    interrupt.dispose()
    await engine.kill()
  }
}

const now = () => performance.now()

async function warmUp(chain: StageChain, model: Model): Promise<void> {
  await measureSequence(chain, greedyPayload(benchmarkPrompt(8, model.config.vocabSize, SEED), 2), now)
}

async function sequence(
  chain: StageChain,
  model: Model,
  engine: EngineProcess,
  options: BenchOptions,
): Promise<void> {
  await warmUp(chain, model)
  const { context, tokens, quant } = options
  const cpuBefore = await cpuMs(engine)
  const payload = greedyPayload(benchmarkPrompt(context, model.config.vocabSize, SEED), tokens)
  let cpuAtFirst: Promise<number> | undefined
  const figures = await measureSequence(chain, payload, now, () => {
    cpuAtFirst = cpuMs(engine)
  })
  const cpu = (await cpuMs(engine)) - ((await cpuAtFirst) ?? cpuBefore)
  const result: BenchResult = {
    engine: 'exovisor',
    quant,
    context,
    tokens,
    prefill_ms: round(figures.prefillMs),
    decode_ms_per_token: round(figures.decodeMsPerToken),
    decode_tok_s: round(1_000 / figures.decodeMsPerToken),
    cpu_ms_per_token: round(cpu / (tokens - 1)),
    token_ids: figures.tokenIds,
  }
  if (options.json) writeJsonLine(process.stdout, result)
  else
    process.stdout.write(
      `prefill   ${result.prefill_ms} ms for ${context} tokens\n` +
        `decode    ${result.decode_ms_per_token} ms a token (median of ${tokens}), ${result.decode_tok_s} tokens/s\n` +
        `CPU       ${result.cpu_ms_per_token} ms a token\n`,
    )
}

async function throughput(
  chain: StageChain,
  model: Model,
  { batch = 1, context, tokens, json }: BenchOptions,
): Promise<void> {
  await warmUp(chain, model)
  const payloads = Array.from({ length: batch }, (_, index) =>
    greedyPayload(benchmarkPrompt(context, model.config.vocabSize, index + 1), tokens),
  )
  const { tokensPerSecond } = await measureBatch(chain, payloads, now)
  const result = { batch, tok_s: round(tokensPerSecond) }
  if (json) writeJsonLine(process.stdout, result)
  else process.stdout.write(`${result.tok_s} tokens/s, ${batch} sequences at a time\n`)
}

/** Of the engine and of this process, which takes the tokens. */
async function cpuMs(engine: EngineProcess): Promise<number> {
  const { user, system } = process.cpuUsage()
  return (await engine.health(10_000)).cpuMs + (user + system) / 1_000
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000
