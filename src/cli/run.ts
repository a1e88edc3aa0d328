import { Command } from 'commander'
import type { GenerationEvent, GenerationRequest, StageDescription } from '../cluster/generation.ts'
import { ExovisorError } from '../errors.ts'
import { type Node, type SpawnNodeOptions, spawnNode } from '../node.ts'
import { nodeConfig } from '../node-options.ts'
import { exitCodes } from './exit-codes.ts'
import { onInterrupt } from './interrupt.ts'
import { writeJsonLine } from './json-lines.ts'
import { type Neighbours, startNeighbours } from './neighbours.ts'
import { numberOption, wholeOption } from './number-option.ts'

interface RunOptions {
  readonly config?: string
  readonly nodes: number
  readonly maxTokens?: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repetitionPenalty?: number
  readonly seed?: number
  readonly stop?: readonly string[]
  readonly chat?: boolean
  readonly raw?: boolean
  readonly json?: boolean
  readonly verbose?: boolean
}

/** `exovisor run`: answers one prompt and ends. */
export function runCommand(): Command {
  return new Command('run')
    .description('answer one prompt, alone or split over several node processes on this machine')
    .argument('<model>', 'builtin, or the path of a model directory')
    .argument('<prompt>', 'what to ask, or the text to go on with')
    .option('--config <file>', 'the configuration file')
    .option('--nodes <n>', 'how many node processes to split the layers over', wholeOption(1, 64), 1)
    .option('--max-tokens <n>', 'the most tokens to generate', wholeOption(1, 1_048_576))
    .option('--temperature <t>', '0 always takes the best token', numberOption({ min: 0, max: 100 }))
    .option('--top-k <k>', 'choose among the best k tokens; 0 is off', wholeOption(0, 1_000_000))
    .option(
      '--top-p <p>',
      'choose among the best tokens that together reach p',
      numberOption({ min: 0, max: 1 }),
    )
    .option('--min-p <p>', 'leave out tokens below this share of the best', numberOption({ min: 0, max: 1 }))
    .option(
      '--repetition-penalty <r>',
      'above 1, repeats become less likely',
      numberOption({ min: 0.01, max: 100 }),
    )
    .option('--seed <s>', 'the same seed gives the same answer', wholeOption(0, Number.MAX_SAFE_INTEGER))
    .option('--stop <text...>', 'texts that end the answer')
    .option(
      '--chat',
      'treat the prompt as a question in a chat; the default for a model with a chat template',
    )
    .option('--raw', 'give the prompt to the model as it is')
    .option('--verbose', 'log to stderr what the supervisors do')
    .option('--json', 'print one JSON object a line: placement, token, failover, done')
    .action(run)
}

async function run(model: string, prompt: string, options: RunOptions): Promise<void> {
  if (options.chat && options.raw)
    throw new ExovisorError('EXO_USAGE', '--chat and --raw contradict each other: give one of them')
  const interrupt = onInterrupt()
  const say = options.json ? () => {} : (text: string) => void process.stderr.write(text)
  try {
    const spawning = spawnOptions(model, options, interrupt.signal)
    const { engine, grpc } = nodeConfig(spawning)
    await using neighbours =
      options.nodes > 1
        ? await startNeighbours({
            count: options.nodes - 1,
            model,
            engine,
            key: grpc.key,
            say,
            signal: interrupt.signal,
          })
        : undefined
    await using node = await spawnNode(neighbours ? joined(spawning, neighbours) : spawning)
    await neighbours?.connected(node, interrupt.signal)
    await answer(node, request(node, prompt, options, interrupt.signal), options.json === true)
  } catch (error) {
    if (!interrupt.signal.aborted) throw error
  } finally {
    interrupt.dispose()
  }
  if (interrupt.signal.aborted) process.exitCode = exitCodes.interrupted
}

/** The entry node: on loopback, without an API, whatever else the configuration says. */
function spawnOptions(model: string, { config, verbose }: RunOptions, signal: AbortSignal): SpawnNodeOptions {
  return {
    ...(config !== undefined && { config }),
    flags: {
      model,
      'api.enabled': false,
      'discovery.udp.enabled': false,
      'grpc.host': '127.0.0.1',
      'grpc.port': 0,
      'node.name': 'node-1',
      ...(verbose ? {} : { 'log.level': 'silent' }),
    },
    place: 'on-demand',
    signal,
  }
}

function joined(options: SpawnNodeOptions, { discovery, namespace }: Neighbours): SpawnNodeOptions {
  return { ...options, flags: { ...options.flags, 'node.namespace': namespace }, discovery: [discovery] }
}

function request(node: Node, prompt: string, options: RunOptions, signal: AbortSignal): GenerationRequest {
  const { temperature, topK, topP, minP, repetitionPenalty, seed, maxTokens, stop } = options
  const chat = options.chat === true || (options.raw !== true && node.model.chat)
  const sampling = { temperature, topK, topP, minP, repetitionPenalty, seed }
  const given = Object.entries(sampling).filter(([, value]) => value !== undefined)
  return {
    prompt: chat ? { messages: [{ role: 'user', content: prompt }] } : prompt,
    ...(maxTokens !== undefined && { maxTokens }),
    ...(stop && { stop }),
    sampling: Object.fromEntries(given),
    signal,
  }
}

async function answer(node: Node, request: GenerationRequest, json: boolean): Promise<void> {
  for await (const event of node.events(request)) {
    if (json) writeJsonLine(process.stdout, event)
    else show(event)
  }
}

function show(event: GenerationEvent): void {
  switch (event.type) {
    case 'placement':
      if (event.stages.length > 1) process.stderr.write(describeStages(event.stages))
      return
    case 'token':
      process.stdout.write(event.text)
      return
    case 'failover':
      process.stderr.write(
        `\n[resumed after ${Math.round(event.gapMs)} ms on epoch ${event.epoch}: ${event.reason}]\n`,
      )
      return
    case 'done': {
      const { ttftMs, decodeTokensPerSecond } = event.stats
      process.stdout.write('\n')
      process.stderr.write(
        `\n${event.tokenIds.length} tokens, ${decodeTokensPerSecond.toFixed(1)} tokens/s, first token after ${ttftMs.toFixed(0)} ms\n`,
      )
    }
  }
}

function describeStages(stages: readonly StageDescription[]): string {
  const lines = stages.map(({ node, pid, layers: [first, end] }) => {
    const range = end - first === 1 ? `layer ${first}` : `layers ${first} to ${end - 1}`
    return `  ${node.padEnd(8)} ${range}, process ${pid}\n`
  })
  return `${lines.join('')}\n`
}
