import { detach } from '../../concurrency/detach.ts'
import { type CancelTimer, schedule } from '../../concurrency/timer.ts'
import { ExovisorError, toErrorRecord } from '../../errors.ts'
import type { ResourceCommands } from './commands.ts'
import { JournalReader } from './journal-reader.ts'
import {
  type ActorRow,
  type ClusterView,
  type FiguresSample,
  type Hello,
  type ViewerMessage,
  type ViewMessage,
  viewerMessage,
  viewVersion,
} from './messages.ts'
import { ROWS_A_TURN } from './row-feed.ts'
import type { RuntimeView } from './runtime-view.ts'
import { WatchedActors } from './watched-actors.ts'

/** The way to one viewer: a websocket, or a socket. */
export interface ViewerLink {
  send(message: ViewMessage): void
  /** True while so much waits to be written that nothing more is to be sent. Whoever has the link calls `drained` when that is over. */
  readonly isFull: boolean
}

/** What a viewer is told beside the tree. */
export interface ViewerPorts {
  readonly commands: ResourceCommands
  readonly hello: Omit<Hello, 'type' | 'version' | 'machines'>
  readonly cluster?: () => ClusterView
  /** Tells of each new sample, and first of those that are kept. The result ends it. */
  readonly figures?: (listener: (samples: readonly FiguresSample[]) => void) => () => void
}

const COALESCE_MS = 75
const CLUSTER_MS = 1_000
/** A viewer that has missed changes of so many paths, and of twice as many as there are, gets the tree anew. */
const LEAST_MISSED = 20_000
/** Commands that a viewer may have under way at a time. */
const MOST_COMMANDS = 16
const MOST_FIGURES = 600

/**
 * One viewer: turns what it is to be told into messages, no faster than it takes them. What waits for it is bounded, however slow it is:
 * of each resource the newest row, of the journal a number, of what it watches the newest lines.
 */
export class ViewerSession {
  readonly #view: RuntimeView
  readonly #link: ViewerLink
  readonly #ports: ViewerPorts
  readonly #journal: JournalReader
  readonly #watched: WatchedActors
  readonly #leave: (() => void)[] = []
  /** Changes that are not sent yet, by path; undefined for one that is gone. */
  readonly #pending = new Map<string, ActorRow | undefined>()
  /** Parts of the whole tree that are not sent yet. */
  #loading: Iterator<ViewMessage> | undefined
  #figures: FiguresSample[] = []
  #cluster: string | undefined
  #isClusterDue = true
  #commands = 0
  #cancelTimer: CancelTimer | undefined
  #cancelCluster: CancelTimer | undefined
  #isPumping = false
  #isClosed = false

  constructor(view: RuntimeView, link: ViewerLink, ports: ViewerPorts) {
    this.#view = view
    this.#link = link
    this.#ports = ports
    this.#journal = new JournalReader(view.journal)
    this.#watched = new WatchedActors(view, () => this.#soon())
    this.#loading = this.#wholeTree()
    this.#leave.push(
      view.feed.subscribe(({ changed, removed }) => this.#changed(changed, removed)),
      view.journal.subscribe(() => this.#soon()),
    )
    const { figures } = ports
    if (figures) this.#leave.push(figures(samples => this.#sampled(samples)))
    if (ports.cluster) this.#lookAtCluster()
    this.#pump()
  }

  /** Takes one message of the viewer. What is none is answered by EXO_REQUEST_INVALID and changes nothing. */
  receive(message: unknown): void {
    if (this.#isClosed) return
    const { success, data, error } = viewerMessage.safeParse(message)
    if (success) this.#obey(data)
    else this.#refuse(idOf(message), `this is no message of a viewer: ${error.issues[0]?.message ?? ''}`)
  }

  /** The link is not full any more. */
  drained(): void {
    this.#pump()
  }

  close(): void {
    this.#isClosed = true
    for (const leave of this.#leave.splice(0)) leave()
    this.#watched.close()
    this.#cancelTimer?.()
    this.#cancelCluster?.()
    this.#pending.clear()
    this.#loading = undefined
  }

  #obey(message: ViewerMessage): void {
    switch (message.type) {
      case 'watch':
        this.#watched.set(message.paths)
        this.#soon()
        break
      case 'journal':
        this.#journal.replay(message.after)
        this.#pump()
        break
      case 'command':
        detach(this.#command(message))
        break
    }
  }

  async #command({ id, command, path, reason }: Extract<ViewerMessage, { type: 'command' }>): Promise<void> {
    if (this.#commands >= MOST_COMMANDS) {
      this.#refuse(id, `${MOST_COMMANDS} commands are under way; wait for the answer to one of them`)
      return
    }
    this.#commands += 1
    try {
      const result = await this.#ports.commands.run(command, path, reason)
      this.#answer({ type: 'answer', id, result })
    } catch (error) {
      this.#answer({ type: 'answer', id, error: toErrorRecord(error) })
    } finally {
      this.#commands -= 1
    }
  }

  #refuse(id: number, why: string): void {
    this.#answer({ type: 'answer', id, error: toErrorRecord(new ExovisorError('EXO_REQUEST_INVALID', why)) })
  }

  #answer(answer: ViewMessage): void {
    if (!this.#isClosed) this.#link.send(answer)
  }

  #changed(changed: readonly ActorRow[], removed: readonly string[]): void {
    for (const path of removed) this.#pending.set(path, undefined)
    for (const row of changed) this.#pending.set(row.path, row)
    this.#watched.changed(changed, removed)
    if (this.#pending.size > Math.max(LEAST_MISSED, 2 * this.#view.registry.size)) {
      this.#pending.clear()
      this.#loading = this.#wholeTree()
    }
    this.#pump()
  }

  #sampled(samples: readonly FiguresSample[]): void {
    this.#figures = [...this.#figures, ...samples].slice(-MOST_FIGURES)
    this.#soon()
  }

  #lookAtCluster(): void {
    this.#isClusterDue = true
    this.#cancelCluster = schedule(this.#view.clock, CLUSTER_MS, () => this.#lookAtCluster())
    this.#soon()
  }

  /** Sends soon: what comes until then goes with it. */
  #soon(): void {
    if (this.#isClosed) return
    this.#cancelTimer ??= schedule(this.#view.clock, COALESCE_MS, () => {
      this.#cancelTimer = undefined
      this.#pump()
    })
  }

  /** Sends one message a turn for as long as there are any and the viewer takes them. */
  #pump(): void {
    if (this.#isPumping || this.#isClosed || this.#link.isFull) return
    const message = this.#next()
    if (!message) return
    this.#isPumping = true
    this.#link.send(message)
    this.#view.clock.nextTurn(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #next(): ViewMessage | undefined {
    const part = this.#loading?.next()
    if (part && !part.done) return part.value
    this.#loading = undefined
    return this.#nextChanges() ?? this.#watched.next() ?? this.#journal.next() ?? this.#nextSide()
  }

  /** Rows are made when their part is sent, so that none is older than the changes after it. */
  *#wholeTree(): Generator<ViewMessage, void, undefined> {
    const sources = this.#view.feed.sources()
    yield { type: 'hello', version: viewVersion, ...this.#ports.hello, machines: this.#view.machines() }
    let first = 0
    do {
      const rows = this.#view.feed.rows(sources.slice(first, first + ROWS_A_TURN))
      first += ROWS_A_TURN
      yield { type: 'rows', rows, last: first >= sources.length }
    } while (first < sources.length)
  }

  #nextChanges(): ViewMessage | undefined {
    if (this.#pending.size === 0) return undefined
    const changed: ActorRow[] = []
    const removed: string[] = []
    for (const [path, row] of this.#pending) {
      if (changed.length + removed.length === ROWS_A_TURN) break
      this.#pending.delete(path)
      if (row) changed.push(row)
      else removed.push(path)
    }
    return { type: 'changes', changed, removed }
  }

  #nextSide(): ViewMessage | undefined {
    if (this.#figures.length > 0) {
      const samples = this.#figures
      this.#figures = []
      return { type: 'figures', samples }
    }
    if (!this.#isClusterDue) return undefined
    this.#isClusterDue = false
    const cluster = this.#ports.cluster?.()
    const text = JSON.stringify(cluster)
    if (!cluster || text === this.#cluster) return undefined
    this.#cluster = text
    return { type: 'cluster', cluster }
  }
}

/** The id of a message that is none otherwise, so that the viewer knows which one was refused. */
function idOf(message: unknown): number {
  const { id } = (message ?? {}) as { readonly id?: unknown }
  return Number.isSafeInteger(id) && Number(id) >= 0 ? Number(id) : 0
}
