import type { GenerationEvent, GenerationStats, StageDescription } from '../../../cluster/generation.ts'
import type { Connection } from '../live/connection.ts'

/** What one token came through. */
interface ChatToken {
  readonly text: string
  readonly position: number
  readonly epoch: number
}

/** A placement that served a part of an answer, and why it came to be. */
export interface ChatPlacement {
  readonly epoch: number
  readonly stages: readonly StageDescription[]
  /** How many tokens there were before it. */
  readonly since: number
  readonly failover?: { readonly gapMs: number; readonly reason: string }
}

export interface ChatTurn {
  readonly id: number
  readonly question: string
  readonly tokens: readonly ChatToken[]
  readonly placements: readonly ChatPlacement[]
  readonly state: 'running' | 'done' | 'stopped' | 'failed'
  readonly startedAt: number
  readonly firstTokenAt?: number
  readonly lastTokenAt?: number
  readonly finishReason?: string
  /** As the node measured it; once it is done. */
  readonly stats?: GenerationStats
  readonly error?: { readonly code: string; readonly message: string }
}

type ErrorEvent = {
  readonly type: 'error'
  readonly error: { readonly code: string; readonly message: string }
}
type ChatEvent = GenerationEvent | ErrorEvent

/** The text of an answer so far. */
function answerText(turn: ChatTurn): string {
  return turn.tokens.map(token => token.text).join('')
}

/** Tokens per second: as the node measured it, or until then as they came here; undefined before the second token. */
export function speedOf({ tokens, firstTokenAt, lastTokenAt, stats }: ChatTurn): number | undefined {
  if (stats) return stats.decodeTokensPerSecond
  if (firstTokenAt === undefined || lastTokenAt === undefined || lastTokenAt <= firstTokenAt) return undefined
  return ((tokens.length - 1) * 1_000) / (lastTokenAt - firstTokenAt)
}

/** Takes one event of a generation into its turn. */
function withEvent(turn: ChatTurn, event: ChatEvent, now: number): ChatTurn {
  const { tokens, placements } = turn
  switch (event.type) {
    case 'placement': {
      const { epoch, stages } = event
      const known = placements.find(placement => placement.epoch === epoch)
      const placement = { ...known, epoch, stages, since: tokens.length }
      return { ...turn, placements: [...placements.filter(other => other !== known), placement] }
    }
    case 'failover': {
      const { epoch, gapMs, reason } = event
      const known = placements.find(placement => placement.epoch === epoch)
      const placement = { stages: [], since: tokens.length, ...known, epoch, failover: { gapMs, reason } }
      return { ...turn, placements: [...placements.filter(other => other !== known), placement] }
    }
    case 'token': {
      const epoch = placements.at(-1)?.epoch ?? 0
      const token = { text: event.text, position: event.position, epoch }
      return { ...turn, tokens: [...tokens, token], firstTokenAt: turn.firstTokenAt ?? now, lastTokenAt: now }
    }
    case 'done':
      return { ...turn, state: 'done', finishReason: event.finishReason, stats: event.stats }
    case 'error':
      return { ...turn, state: 'failed', error: event.error }
  }
}

/** The conversation of this page: it goes on while another tab is shown. */
class ChatSession {
  turns: readonly ChatTurn[] = []
  readonly #listeners = new Set<() => void>()
  #stop: AbortController | undefined

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  snapshot = (): readonly ChatTurn[] => this.turns

  get isRunning(): boolean {
    return this.turns.at(-1)?.state === 'running'
  }

  stop(): void {
    this.#stop?.abort()
  }

  clear(): void {
    this.stop()
    this.#show([])
  }

  /** Asks, with what was said before, and takes in the answer as it comes. Never throws: faults stand in the turn. */
  async ask(connection: Connection, question: string): Promise<void> {
    const messages = this.turns
      .filter(turn => turn.state !== 'failed')
      .flatMap(turn => [
        { role: 'user', content: turn.question },
        { role: 'assistant', content: answerText(turn) },
      ])
    const stop = new AbortController()
    this.#stop = stop
    const turn: ChatTurn = {
      id: (this.turns.at(-1)?.id ?? 0) + 1,
      question,
      tokens: [],
      placements: [],
      state: 'running',
      startedAt: Date.now(),
    }
    this.#show([...this.turns, turn])
    const body = JSON.stringify({ messages: [...messages, { role: 'user', content: question }] })
    try {
      for await (const event of chatEvents(connection, body, stop.signal))
        this.#change(turn.id, known => withEvent(known, event, Date.now()))
      this.#change(turn.id, known =>
        known.state === 'running' ? broken(known, 'the answer ended in the middle') : known,
      )
    } catch (error) {
      this.#change(turn.id, known =>
        stop.signal.aborted ? { ...known, state: 'stopped' } : broken(known, (error as Error).message),
      )
    }
  }

  #change(id: number, change: (turn: ChatTurn) => ChatTurn): void {
    this.#show(this.turns.map(turn => (turn.id === id ? change(turn) : turn)))
  }

  #show(turns: readonly ChatTurn[]): void {
    this.turns = turns
    for (const listener of this.#listeners) listener()
  }
}

function broken(turn: ChatTurn, message: string): ChatTurn {
  return { ...turn, state: 'failed', error: { code: 'EXO_ABORTED', message } }
}

/** The events of one generation, a line of JSON each. */
async function* chatEvents(
  connection: Connection,
  body: string,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  const headers = { 'content-type': 'application/json' }
  const response = await connection.request('chat', { method: 'POST', body, headers, signal })
  if (!response.ok || !response.body) {
    const answer = (await response.json().catch(() => undefined)) as Partial<ErrorEvent> | undefined
    throw new Error(answer?.error?.message ?? `the node answered with ${response.status}`)
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    const lines = (rest + (value ?? '')).split('\n')
    rest = done ? '' : (lines.pop() ?? '')
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as ChatEvent
    if (done) return
  }
}

export const chatSession = new ChatSession()
