import { sourceAt } from './detail.ts'
import type { ActorRow, TransitionRecord, ViewMessage } from './messages.ts'
import type { RuntimeView } from './runtime-view.ts'
import type { WatchedActor } from './watched-actor.ts'

/** The actors that one viewer watches. */
export class WatchedActors {
  readonly #view: RuntimeView
  readonly #onChange: () => void
  readonly #all = new Map<string, WatchedActor>()

  constructor(view: RuntimeView, onChange: () => void) {
    this.#view = view
    this.#onChange = onChange
  }

  /** From now on these and no others; those that were watched before are told of again. */
  set(paths: readonly string[]): void {
    const wanted = new Set(paths)
    for (const path of wanted) {
      const known = this.#all.get(path)
      if (known) known.mark()
      else this.#all.set(path, this.#view.watch(path, this.#onChange))
    }
    for (const [path, watched] of this.#all) if (!wanted.has(path)) this.#drop(path, watched)
  }

  /** Rows have changed, perhaps of those that are watched: another ref may stand there now. */
  changed(rows: readonly ActorRow[], removed: readonly string[]): void {
    if (this.#all.size === 0) return
    for (const { path } of rows) this.#follow(path)
    for (const path of removed) this.#follow(path)
  }

  next(): ViewMessage | undefined {
    const transitions: TransitionRecord[] = []
    for (const watched of this.#all.values()) transitions.push(...watched.takeTransitions())
    if (transitions.length > 0) return { type: 'transitions', transitions }
    for (const watched of this.#all.values()) {
      const events = watched.takeTrace()
      if (events.length > 0) return { type: 'trace', path: watched.path, events }
    }
    for (const watched of this.#all.values()) {
      const detail = watched.isDirty ? this.#detailOf(watched) : undefined
      if (detail) return detail
    }
    return undefined
  }

  close(): void {
    this.set([])
  }

  #follow(path: string): void {
    const watched = this.#all.get(path)
    if (!watched) return
    watched.follow(sourceAt(this.#view.registry, path)?.ref)
    watched.mark()
  }

  #detailOf(watched: WatchedActor): ViewMessage | undefined {
    watched.isDirty = false
    // It may be gone, or not be there yet: the tree says that.
    if (!sourceAt(this.#view.registry, watched.path)) return undefined
    const detail = this.#view.detail(watched.path)
    return { type: 'detail', detail: { ...detail, ...(watched.last && { lastTransition: watched.last }) } }
  }

  #drop(path: string, watched: WatchedActor): void {
    this.#all.delete(path)
    watched.close()
  }
}
