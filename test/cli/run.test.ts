import { resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { GenerationDone, GenerationEvent, StageDescription } from '../../src/cluster/generation.ts'
import { hasStories, stories, storiesDirectory } from '../models/stories.ts'
import { alive, exovisor, killProcess, killStarted } from './exovisor.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')
const model = hasStories ? storiesDirectory : fixture
const prompt = 'Once upon a time'
const arguments_ = [
  'run',
  model,
  prompt,
  '--raw',
  '--temperature',
  '0',
  '--json',
  ...(hasStories ? [] : ['--max-tokens', '120']),
]

afterAll(killStarted)

const events = (lines: readonly string[]): GenerationEvent[] => lines.map(line => JSON.parse(line))
const doneOf = (all: readonly GenerationEvent[]): GenerationDone => {
  const last = all.at(-1)
  if (last?.type !== 'done') throw new Error(`the last line is ${JSON.stringify(last)}`)
  return last
}
const pidsOf = (all: readonly GenerationEvent[]): number[] =>
  all.flatMap(event =>
    event.type === 'placement' ? event.stages.flatMap(stage => [stage.pid, stage.enginePid]) : [],
  )

async function undisturbed(): Promise<GenerationDone> {
  const run = exovisor(arguments_)
  await run.ended
  return doneOf(events(run.lines))
}
const whole = await undisturbed()

/** What the contract of `run --json` promises of any run. */
function checkContract(all: readonly GenerationEvent[]): void {
  expect(all[0]?.type).toBe('placement')
  const tokens = all.filter(event => event.type === 'token')
  const done = doneOf(all)
  expect(tokens.map(token => token.position)).toEqual(tokens.map((_, index) => done.promptIds.length + index))
  expect(tokens.map(token => token.id)).toEqual(done.tokenIds)
  expect(tokens.map(token => token.text).join('')).toBe(done.text)
  for (const event of all)
    if (event.type === 'placement') {
      const layers = event.stages.map(stage => stage.layers)
      expect(
        layers.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i)),
      ).toEqual(Array.from({ length: layers.at(-1)?.[1] ?? 0 }, (_, i) => i))
      expect(event.stages.filter(stage => stage.entry)).toHaveLength(1)
    }
}

describe('exovisor run --json', () => {
  it('prints a placement, the tokens and the result', () => {
    expect(whole.tokenIds.length).toBeGreaterThan(50)
    if (hasStories) expect(whole.tokenIds).toEqual(stories.cases[0]?.generated_ids)
  })

  it('gives the same over three node processes, and leaves none of them', async () => {
    const run = exovisor([...arguments_, '--nodes', '3'])
    expect(await run.ended).toEqual({ code: 0, signal: null })
    const all = events(run.lines)
    checkContract(all)
    const { stages } = all[0] as unknown as { stages: StageDescription[] }
    expect(new Set(stages.map(stage => stage.pid)).size).toBe(3)
    expect(doneOf(all)).toMatchObject({
      tokenIds: whole.tokenIds,
      text: whole.text,
      finishReason: whole.finishReason,
    })
    expect(pidsOf(all).filter(alive)).toEqual([])
  })

  const victims: readonly (readonly [string, (stages: readonly StageDescription[]) => number])[] = [
    ['the engine of the entry node', stages => stages.find(stage => stage.entry)?.enginePid ?? 0],
    ['the engine of another node', stages => stages.find(stage => !stage.entry)?.enginePid ?? 0],
    ['a whole node process', stages => stages.find(stage => !stage.entry)?.pid ?? 0],
  ]
  for (const [name, victim] of victims)
    it(`goes on with the same answer when ${name} is killed with -9 in the middle`, async () => {
      const run = exovisor([...arguments_, '--nodes', '3'])
      const { stages } = (await run.line(value => value['type'] === 'placement')) as unknown as {
        stages: StageDescription[]
      }
      await run.line(value => value['type'] === 'token' && value['position'] === whole.promptIds.length + 1)
      killProcess(victim(stages))
      expect(await run.ended).toEqual({ code: 0, signal: null })
      const all = events(run.lines)
      checkContract(all)
      expect(doneOf(all)).toMatchObject({ tokenIds: whole.tokenIds, text: whole.text })
      const failover = all.find(event => event.type === 'failover')
      expect(failover).toMatchObject({ epoch: expect.any(Number), reason: expect.any(String) })
      expect(failover?.type === 'failover' && failover.gapMs).toBeGreaterThan(0)
      const epochs = all.flatMap(event => (event.type === 'placement' ? [event.epoch] : []))
      expect(epochs).toHaveLength(2)
      expect(epochs[1]).toBe(failover?.type === 'failover' && failover.epoch)
      // The engine of a node that was killed ends by itself, as soon as it notices.
      await expect.poll(() => pidsOf(all).filter(alive), { timeout: 3_000 }).toEqual([])
    }, 60_000)

  it('ends with 130 on Ctrl+C, and leaves no process', async () => {
    const run = exovisor([...arguments_, '--nodes', '2'])
    await run.line(value => value['type'] === 'token')
    run.child.kill('SIGINT')
    expect((await run.ended).code).toBe(130)
    expect(pidsOf(events(run.lines)).filter(alive)).toEqual([])
  })

  it('leaves no process when it is killed itself', async () => {
    const run = exovisor([...arguments_, '--nodes', '2'])
    await run.line(value => value['type'] === 'token')
    const pids = pidsOf(events(run.lines))
    run.child.kill('SIGKILL')
    await run.ended
    await expect.poll(() => pids.filter(alive), { timeout: 3_000 }).toEqual([])
  })
})

describe('exovisor run', () => {
  it('streams the text to stdout and the figures to stderr', async () => {
    const run = exovisor(['run', fixture, 'x', '--raw', '--temperature', '0', '--max-tokens', '5'])
    expect((await run.ended).code).toBe(0)
    expect(run.stderr()).toMatch(/5 tokens, [\d.]+ tokens\/s, first token after \d+ ms/)
  })

  it('gives the same answer for the same seed', async () => {
    const ask = async () => {
      const run = exovisor([
        'run',
        fixture,
        'x',
        '--raw',
        '--temperature',
        '1',
        '--seed',
        '7',
        '--max-tokens',
        '8',
        '--json',
      ])
      await run.ended
      return doneOf(events(run.lines)).tokenIds
    }
    expect(await ask()).toEqual(await ask())
  })

  it.each([
    [['run', fixture, 'x', '--nodes', '0'], 2, /--nodes.*whole number from 1 to 64/s],
    [['run', fixture], 2, /missing required argument 'prompt'/],
    [['run', fixture, 'x', '--chat', '--raw'], 2, /--chat and --raw/],
    [['run', '/nowhere/at-all', 'x'], 1, /nowhere\/at-all/],
    [['rum'], 2, /Did you mean run/],
  ])('says what is wrong with %j', async (args, code, message) => {
    const run = exovisor(args)
    expect((await run.ended).code).toBe(code)
    expect(run.stderr()).toMatch(message)
    expect(run.lines).toEqual([])
  })
})
