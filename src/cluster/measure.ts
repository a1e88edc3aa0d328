import type { OpenPayload } from '../engine/process/protocol.ts'
import type { StageChain } from './stage-chain.ts'

/** How one generation went: when it was submitted and when each token came, in milliseconds. */
interface Timeline {
  readonly submittedAt: number
  readonly tokenTimes: readonly number[]
  readonly tokenIds: readonly number[]
}

/** The figures of one sequence. */
export interface SequenceFigures {
  /** From submitting to the first token. */
  readonly prefillMs: number
  /** Median between two tokens. */
  readonly decodeMsPerToken: number
  readonly tokenIds: readonly number[]
}

/**
 * The prompt of the benchmark: `length` ids from a linear congruential generator, the same in every engine that
 * is compared. No begin token.
 */
export function benchmarkPrompt(length: number, vocabSize: number, seed: number): number[] {
  let state = seed
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return 3 + ((state >>> 8) % (vocabSize - 3))
  })
}

/** A greedy generation of exactly `maxTokens` tokens: nothing stops it. */
export function greedyPayload(ids: readonly number[], maxTokens: number): OpenPayload {
  const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
  return { ids: [...ids], maxTokens, stopIds: [], sampling }
}

/** Runs one generation and notes the times. */
async function timeline(
  chain: StageChain,
  payload: OpenPayload,
  now: () => number,
  onFirstToken: () => void = () => {},
): Promise<Timeline> {
  const submittedAt = now()
  const tokenTimes: number[] = []
  const tokenIds: number[] = []
  for await (const event of chain.generate(payload)) {
    if (event.type !== 'token') break
    tokenTimes.push(now())
    if (tokenTimes.length === 1) onFirstToken()
    tokenIds.push(event.id)
  }
  return { submittedAt, tokenTimes, tokenIds }
}

/** Measures one sequence. `onFirstToken` is called when the prefill is over. */
export async function measureSequence(
  chain: StageChain,
  payload: OpenPayload,
  now: () => number,
  onFirstToken?: () => void,
): Promise<SequenceFigures> {
  const { submittedAt, tokenTimes, tokenIds } = await timeline(chain, payload, now, onFirstToken)
  const gaps = tokenTimes.slice(1).map((time, index) => time - (tokenTimes[index] ?? time))
  return { prefillMs: (tokenTimes[0] ?? now()) - submittedAt, decodeMsPerToken: median(gaps), tokenIds }
}

/**
 * Tokens per second of several sequences together, counted only while all of them decode: from the last first
 * token to the first last token.
 */
export async function measureBatch(
  chain: StageChain,
  payloads: readonly OpenPayload[],
  now: () => number,
): Promise<{ readonly tokensPerSecond: number }> {
  const lines = await Promise.all(payloads.map(payload => timeline(chain, payload, now)))
  const from = Math.max(...lines.map(line => line.tokenTimes[0] ?? 0))
  const to = Math.min(...lines.map(line => line.tokenTimes.at(-1) ?? 0))
  const counted = lines.flatMap(line => line.tokenTimes).filter(time => time > from && time <= to).length
  return { tokensPerSecond: to > from ? (counted * 1_000) / (to - from) : 0 }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
