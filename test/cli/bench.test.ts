import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { benchmarkPrompt } from '../../src/cluster/measure.ts'
import { loadModel } from '../../src/models/load.ts'
import { ReferenceLlama } from '../engine/reference-llama.ts'
import { temporaryModel } from '../models/temporary-model.ts'
import { exovisor, killStarted } from './exovisor.ts'

const fixture = resolve(import.meta.dirname, '../fixtures/tiny-llama')

afterAll(killStarted)

describe('exovisor bench', () => {
  it('prints one line with the figures and exactly so many ids', async () => {
    const run = exovisor([
      'bench',
      fixture,
      '--quant',
      'f32',
      '--context',
      '24',
      '--tokens',
      '12',
      '--threads',
      '1',
      '--json',
    ])
    expect((await run.ended).code).toBe(0)
    expect(run.lines).toHaveLength(1)
    const result = JSON.parse(run.lines[0] ?? '')
    expect(result).toMatchObject({ engine: 'exovisor', quant: 'f32', context: 24, tokens: 12 })
    expect(result.token_ids).toHaveLength(12)
    for (const figure of ['prefill_ms', 'decode_ms_per_token', 'decode_tok_s', 'cpu_ms_per_token'])
      expect(result[figure]).toBeGreaterThan(0)
  })

  it('generates the ids of an independent greedy run, past a token that would end an answer', async () => {
    const directory = temporaryModel()
    const { vocabSize } = (await loadModel(directory)).config
    const ids = new ReferenceLlama(await loadModel(directory)).greedy(benchmarkPrompt(10, vocabSize, 1), 12)
    const ends = { eos_token_id: [ids[3]] }
    writeFileSync(join(directory, 'generation_config.json'), JSON.stringify(ends))
    expect((await loadModel(directory)).generation.eosTokenIds).toEqual([ids[3]])

    const run = exovisor(['bench', directory, '--context', '10', '--tokens', '12', '--json'])
    expect((await run.ended).code).toBe(0)
    expect(JSON.parse(run.lines[0] ?? '')).toMatchObject({ token_ids: ids })
  })

  it('prints the throughput of a batch', async () => {
    const run = exovisor(['bench', fixture, '--context', '16', '--tokens', '40', '--batch', '3', '--json'])
    expect((await run.ended).code).toBe(0)
    expect(JSON.parse(run.lines[0] ?? '')).toEqual({ batch: 3, tok_s: expect.any(Number) })
    expect(JSON.parse(run.lines[0] ?? '').tok_s).toBeGreaterThan(0)
  })

  it.each([
    [['--quant', 'q4'], 2, /f32/],
    [['--context', '250', '--tokens', '100'], 1, /350 tokens.*256/],
    [['--batch', '0'], 2, /whole number from 1/],
  ])('says what is wrong with %j', async (options, code, message) => {
    const run = exovisor(['bench', fixture, ...options])
    expect((await run.ended).code).toBe(code)
    expect(run.stderr()).toMatch(message)
  })
})

describe('the prompt of the benchmark', () => {
  it('is the documented generator, without a begin token', () => {
    let state = 1
    const expected = Array.from({ length: 50 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
      return 3 + ((state >>> 8) % 509)
    })
    expect(benchmarkPrompt(50, 512, 1)).toEqual(expected)
    expect(benchmarkPrompt(5, 512, 2)).not.toEqual(expected.slice(0, 5))
  })
})
