import type {
  ActorDetail,
  ActorRow,
  ClusterView,
  FiguresSample,
  Hello,
  JournalLine,
  TraceLine,
  TransitionRecord,
  ViewMessage,
} from '../../../observe/view/messages.ts'
import { treeAt } from '../../../observe/view/tree-at.ts'

/** What a part of the page may wait for. */
export type Topic = 'link' | 'rows' | 'detail' | 'cluster' | 'figures' | 'journal'

/** How much is kept of what never ends. */
const KEPT = { transitions: 50, traces: 200, figures: 3_600, journal: 20_000 }

/** A line of a trace with the actor that it belongs to. */
export interface TracedLine extends TraceLine {
  readonly path: string
}

/**
 * All that the node has told. It is changed in place, for ten thousand rows are not copied ten times a second; who shows a part of it waits
 * for its topic. Listeners are called once a frame at most, and not at all while the tab is hidden.
 */
export class LiveState {
  hello: Hello | undefined
  rows = new Map<string, ActorRow>()
  /** Whether all rows have come once. */
  complete = false
  readonly details = new Map<string, ActorDetail>()
  readonly transitions = new Map<string, TransitionRecord[]>()
  traces: TracedLine[] = []
  cluster: ClusterView | undefined
  figures: FiguresSample[] = []
  journal: JournalLine[] = []
  dropped = 0
  #incoming: Map<string, ActorRow> | undefined
  readonly #listeners = new Map<Topic, Set<() => void>>()
  readonly #versions = new Map<Topic, number>()
  readonly #dirty = new Set<Topic>()
  #frame = 0

  /** Takes in one message of the stream, answers aside. */
  apply(message: Exclude<ViewMessage, { type: 'answer' }>): void {
    this.changed(this.#take(message))
  }

  #take(message: Exclude<ViewMessage, { type: 'answer' }>): Topic {
    switch (message.type) {
      case 'hello':
        return this.#begin(message)
      case 'rows':
        return this.#takePart(message.rows, message.last)
      case 'changes':
        return this.#change(message.changed, message.removed)
      case 'detail':
        this.details.set(message.detail.row.path, message.detail)
        return 'detail'
      case 'transitions':
        for (const one of message.transitions) this.#note(one)
        return 'detail'
      case 'trace':
        this.traces.push(...message.events.map(line => ({ ...line, path: message.path })))
        trim(this.traces, KEPT.traces)
        return 'detail'
      case 'cluster':
        this.cluster = message.cluster
        return 'cluster'
      case 'figures':
        this.figures = later(this.figures, message.samples, sample => sample.time)
        trim(this.figures, KEPT.figures)
        return 'figures'
      case 'journal':
        this.#takeLines(message.lines)
        this.dropped += message.dropped
        return 'journal'
    }
  }

  /** Forgets what was told of actors that nobody looks at any more. */
  keepOnly(paths: readonly string[]): void {
    for (const kept of [this.details, this.transitions])
      for (const path of kept.keys()) if (!paths.includes(path)) kept.delete(path)
    this.traces = this.traces.filter(line => paths.includes(line.path))
    this.changed('detail')
  }

  changed(topic: Topic): void {
    this.#dirty.add(topic)
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#tell())
  }

  version(topic: Topic): number {
    return this.#versions.get(topic) ?? 0
  }

  subscribe(topic: Topic, listener: () => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set()
    this.#listeners.set(topic, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  #tell(): void {
    this.#frame = 0
    const topics = [...this.#dirty]
    this.#dirty.clear()
    for (const topic of topics) this.#versions.set(topic, this.version(topic) + 1)
    for (const topic of topics) for (const listener of this.#listeners.get(topic) ?? []) listener()
  }

  #begin(hello: Hello): Topic {
    const another = this.hello?.node.id !== hello.node.id || this.hello.startedAt !== hello.startedAt
    this.hello = hello
    this.#incoming = undefined
    this.details.clear()
    this.transitions.clear()
    if (another) {
      this.journal = []
      this.figures = []
      this.traces = []
    }
    for (const topic of ['detail', 'figures', 'journal'] as const) this.changed(topic)
    return 'link'
  }

  #takePart(rows: readonly ActorRow[], last: boolean): Topic {
    this.#incoming ??= new Map()
    for (const row of rows) this.#incoming.set(row.path, row)
    if (!last) return 'rows'
    this.rows = this.#incoming
    this.#incoming = undefined
    this.complete = true
    return 'rows'
  }

  #change(changed: readonly ActorRow[], removed: readonly string[]): Topic {
    for (const rows of [this.rows, this.#incoming]) {
      for (const path of removed) rows?.delete(path)
      for (const row of changed) rows?.set(row.path, row)
    }
    return 'rows'
  }

  /** Lines that are older than the newest known one begin a journal that was asked for again. */
  #takeLines(lines: readonly JournalLine[]): void {
    const [first] = lines
    const newest = this.journal.at(-1)
    if (first && newest && first.sequence < newest.sequence) this.journal = []
    this.journal.push(...lines)
    // What makes room becomes the tree that the journal begins with; now and then, for it costs a pass.
    if (this.journal.length < KEPT.journal * 1.1) return
    const gone = this.journal.splice(0, this.journal.length - KEPT.journal)
    const { sequence, time } = gone.at(-1) ?? { sequence: 0, time: 0 }
    const changed = [...treeAt(gone, sequence).values()]
    this.journal.unshift({ sequence, time, event: { type: 'rows', changed, removed: [] } })
  }

  #note(transition: TransitionRecord): void {
    const list = this.transitions.get(transition.path) ?? []
    list.push(transition)
    trim(list, KEPT.transitions)
    this.transitions.set(transition.path, list)
  }
}

/** Both lists as one in their order, each once: what is sent again after a reconnection is not there twice. */
function later<T>(known: T[], more: readonly T[], order: (entry: T) => number): T[] {
  const [first] = more
  if (first === undefined) return known
  const newest = known.at(-1)
  if (newest === undefined || order(newest) < order(first)) {
    known.push(...more)
    return known
  }
  const all = new Map([...known, ...more].map(entry => [order(entry), entry]))
  return [...all.values()].sort((a, b) => order(a) - order(b))
}

function trim(list: unknown[], most: number): void {
  if (list.length > most) list.splice(0, list.length - most)
}
