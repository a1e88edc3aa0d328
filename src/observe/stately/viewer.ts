import { actorMessage, currentSnapshot, type InspectedActor, snapshotMessage, wireSnapshot } from './wire.ts'

/** Where the messages to one viewer go: a websocket fits. */
export interface ViewerSocket {
  /** Bytes that were given to it and are not on their way yet. */
  readonly bufferedAmount: number
  /** Calls back when the bytes are on their way. */
  send(text: string, sent: () => void): void
}

/** Beyond so many bytes that wait nothing more is given to a socket; below the second it goes on. */
const FULL_BYTES = 1_048_576
const EMPTY_BYTES = 262_144

/** How many actors are told of in one go. */
const AT_A_TIME = 100

/** What stands in place of the events that a viewer was not told of. */
const skipped = { type: 'exovisor.skipped' }

/** What a viewer still has to be told of one actor: how it is now, or how it ended. */
interface Debt {
  readonly actor: InspectedActor
  readonly end?: string
}

/**
 * Tells one viewer of all actors. It is first told of those that live, each with its snapshot; then of each event as it comes. While it reads
 * too slowly, or does not read at all, what it has to be told is kept as one debt for each actor, and not for each event: when it reads again it
 * gets how each of them is by then. So it never costs more than a debt for each actor that lives or that it knows.
 */
export class Viewer {
  readonly #socket: ViewerSocket
  readonly #now: () => number
  readonly #known = new Set<string>()
  readonly #debts = new Map<string, Debt>()
  #isPaying = false

  constructor(socket: ViewerSocket, now: () => number) {
    this.#socket = socket
    this.#now = now
  }

  /** How many actors it still has to be told of. */
  get debts(): number {
    return this.#debts.size
  }

  /** @param actors all that live, each parent before its children */
  begin(actors: Iterable<InspectedActor>): void {
    for (const actor of actors) this.#owe(actor)
    this.#pay()
  }

  /** @param text made only when it is sent */
  event(actor: InspectedActor, text: () => string): void {
    if (this.#isBehind()) {
      this.#owe(actor)
      return
    }
    this.#introduce(actor)
    this.#send(text())
  }

  /** The actor has ended, and this is the last that can be told of it. */
  ended(actor: InspectedActor, text: (inShort: boolean) => string): void {
    const { sessionId } = actor.ref
    if (!this.#isBehind()) {
      this.#introduce(actor)
      this.#send(text(false))
      this.#known.delete(sessionId)
    } else if (this.#known.has(sessionId)) this.#debts.set(sessionId, { actor, end: text(true) })
    else this.#debts.delete(sessionId)
  }

  #isBehind(): boolean {
    return this.#debts.size > 0 || this.#socket.bufferedAmount >= FULL_BYTES
  }

  #owe(actor: InspectedActor): void {
    this.#debts.set(actor.ref.sessionId, { actor })
  }

  #pay(): void {
    this.#isPaying = true
    let paid = 0
    for (const [id, { actor, end }] of this.#debts) {
      if (paid >= AT_A_TIME || this.#socket.bufferedAmount >= FULL_BYTES) break
      this.#debts.delete(id)
      paid += 1
      if (end !== undefined) {
        this.#known.delete(id)
        this.#send(end)
      } else if (!this.#introduce(actor)) {
        const snapshot = wireSnapshot(currentSnapshot(actor))
        this.#send(snapshotMessage(actor, skipped, snapshot, this.#now()))
      }
    }
    this.#isPaying = false
  }

  /** False when it knows the actor already. */
  #introduce(actor: InspectedActor): boolean {
    const { sessionId } = actor.ref
    if (this.#known.has(sessionId)) return false
    this.#known.add(sessionId)
    this.#send(actorMessage(actor, this.#now()))
    return true
  }

  #send(text: string): void {
    this.#socket.send(text, () => {
      const mayPay = this.#debts.size > 0 && !this.#isPaying && this.#socket.bufferedAmount < EMPTY_BYTES
      if (mayPay) this.#pay()
    })
  }
}
