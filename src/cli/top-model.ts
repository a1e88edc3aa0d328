import type { ActorRow, ClusterView, FiguresSample, Hello, ViewMessage } from '../observe/view/messages.ts'

/** What is known of a node at one moment. */
export interface TopModel {
  readonly hello: Hello | undefined
  /** By path, in the order in which they came. */
  readonly rows: ReadonlyMap<string, ActorRow>
  /** False until all rows have come for the first time. */
  readonly isComplete: boolean
  readonly cluster: ClusterView | undefined
  readonly figures: FiguresSample | undefined
}

/** Puts the messages of a node together. */
export class TopState implements TopModel {
  hello: Hello | undefined
  rows = new Map<string, ActorRow>()
  isComplete = false
  cluster: ClusterView | undefined
  figures: FiguresSample | undefined
  /** A tree that comes anew takes the place of the old one when all of it is there: until then the old one is shown. */
  #coming: Map<string, ActorRow> | undefined

  take(message: ViewMessage): void {
    switch (message.type) {
      case 'hello':
        this.hello = message
        this.#coming = new Map()
        break
      case 'rows':
        this.#arrive(message.rows, message.last)
        break
      case 'changes':
        for (const path of message.removed) this.rows.delete(path)
        for (const row of message.changed) this.rows.set(row.path, row)
        break
      case 'cluster':
        this.cluster = message.cluster
        break
      case 'figures':
        this.figures = message.samples.at(-1) ?? this.figures
        break
      case 'journal':
      case 'detail':
      case 'transitions':
      case 'trace':
      case 'answer':
        break
    }
  }

  #arrive(rows: readonly ActorRow[], last: boolean): void {
    this.#coming ??= new Map()
    for (const row of rows) this.#coming.set(row.path, row)
    if (!last) return
    this.rows = this.#coming
    this.#coming = undefined
    this.isComplete = true
  }
}
