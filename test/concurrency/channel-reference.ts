interface Wait {
  readonly end: number
  readonly operation: number
  readonly item: number
}

/** What a channel should do, said with lists: the same operations, by numbers. */
export class ChannelReference {
  readonly capacity: number
  /** How each operation ended, so far. */
  readonly said: string[] = []
  senders: number[] = []
  receivers: number[] = []
  buffer: number[] = []
  sends: Wait[] = []
  receives: Wait[] = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  send(end: number, operation: number, item: number): void {
    this.said[operation] = this.#sendRefusal(end) ?? 'waits'
    if (this.said[operation] !== 'waits') return
    this.sends.push({ end, operation, item })
    this.#flow()
  }

  receive(end: number, operation: number): void {
    this.said[operation] = this.#receiveRefusal(end) ?? 'waits'
    if (this.said[operation] !== 'waits') return
    this.receives.push({ end, operation, item: 0 })
    this.#flow()
  }

  /** Like send, but leaves at once when it would wait. */
  trySend(end: number, operation: number, item: number): void {
    this.send(end, operation, item)
    this.#leave(operation, 'EXO_WOULD_BLOCK')
  }

  tryReceive(end: number, operation: number): void {
    this.receive(end, operation)
    this.#leave(operation, 'EXO_WOULD_BLOCK')
  }

  cancel(operation: number): void {
    this.#leave(operation, 'EXO_ABORTED')
  }

  close(kind: 'sender' | 'receiver', end: number): void {
    const mine = kind === 'sender' ? this.sends : this.receives
    for (const { operation } of mine.filter(wait => wait.end === end))
      this.#leave(operation, 'EXO_RESOURCE_CLOSED')
    if (kind === 'sender') this.senders = this.senders.filter(it => it !== end)
    else this.receivers = this.receivers.filter(it => it !== end)
    const theirs =
      this.senders.length === 0 && kind === 'sender'
        ? this.receives
        : this.receivers.length === 0 && kind === 'receiver'
          ? this.sends
          : []
    for (const { operation } of theirs) this.#leave(operation, 'EXO_CHANNEL_CLOSED')
    if (this.receivers.length === 0) this.buffer = []
  }

  isWaiting(operation: number): boolean {
    return [...this.sends, ...this.receives].some(wait => wait.operation === operation)
  }

  #sendRefusal(end: number): string | undefined {
    if (!this.senders.includes(end)) return 'EXO_RESOURCE_CLOSED'
    return this.receivers.length === 0 ? 'EXO_CHANNEL_CLOSED' : undefined
  }

  #receiveRefusal(end: number): string | undefined {
    if (!this.receivers.includes(end)) return 'EXO_RESOURCE_CLOSED'
    const isOver = this.senders.length === 0 && this.buffer.length === 0
    return isOver ? 'EXO_CHANNEL_CLOSED' : undefined
  }

  /** Items move on as far as they can: into the buffer, out of it, or from hand to hand. */
  #flow(): void {
    for (;;) {
      const reader = this.receives[0]
      const writer = this.sends[0]
      if (reader && this.buffer.length > 0) this.#give(reader, this.buffer.shift() as number)
      else if (reader && writer) {
        this.#leave(writer.operation, 'done')
        this.#give(reader, writer.item)
      } else if (writer && this.buffer.length < this.capacity) {
        this.#leave(writer.operation, 'done')
        this.buffer.push(writer.item)
      } else return
    }
  }

  #give({ operation }: Wait, item: number): void {
    this.#leave(operation, `gave ${item}`)
  }

  #leave(operation: number, how: string): void {
    if (!this.isWaiting(operation)) return
    this.sends = this.sends.filter(wait => wait.operation !== operation)
    this.receives = this.receives.filter(wait => wait.operation !== operation)
    this.said[operation] = how
  }
}
