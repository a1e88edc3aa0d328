import { ExovisorError } from '../../src/errors.ts'
import type { Frame } from '../../src/network/frame.ts'
import { decodeFrame, defaultFrameLimits, encodeFrame } from '../../src/network/frame-codec.ts'
import type { TensorLink } from '../../src/network/tensor-link.ts'

/** One end of a link inside this process: frames are encoded and decoded as on the wire, and come in later turns. */
export class MemoryLink implements TensorLink {
  readonly peer: string
  readonly roundTripMs = undefined
  readonly sent: Frame[] = []
  other: MemoryLink | undefined
  #listener: ((frame: Frame) => void) | undefined
  #closedListeners: ((error: ExovisorError | undefined) => void)[] = []
  #unheard: Frame[] = []
  closed = false

  constructor(peer: string) {
    this.peer = peer
  }

  send(frame: Frame): boolean {
    if (this.closed) return false
    const bytes = encodeFrame(frame)
    this.sent.push(frame)
    const { other } = this
    setImmediate(() => other?.receive(decodeFrame(bytes, defaultFrameLimits)))
    return true
  }

  receive(frame: Frame): void {
    if (this.closed) return
    if (this.#listener) this.#listener(frame)
    else this.#unheard.push(frame)
  }

  drained(): Promise<void> {
    return Promise.resolve()
  }

  onFrame(listener: (frame: Frame) => void): void {
    this.#listener = listener
    for (const frame of this.#unheard.splice(0)) listener(frame)
  }

  onClosed(listener: (error: ExovisorError | undefined) => void): void {
    this.#closedListeners.push(listener)
  }

  close(): void {
    this.finish(undefined)
    this.other?.finish(new ExovisorError('EXO_STREAM_CLOSED', 'the other side took leave'))
  }

  /** As when the process at the other end was killed. */
  cut(): void {
    this.finish(new ExovisorError('EXO_STREAM_CLOSED', 'cut'))
    this.other?.finish(new ExovisorError('EXO_STREAM_CLOSED', 'cut'))
  }

  private finish(error: ExovisorError | undefined): void {
    if (this.closed) return
    this.closed = true
    for (const listener of this.#closedListeners.splice(0)) listener(error)
  }
}

/** Two ends that are connected. */
export function memoryLinks(name = 'memory'): readonly [above: MemoryLink, below: MemoryLink] {
  const above = new MemoryLink(`${name} below`)
  const below = new MemoryLink(`${name} above`)
  above.other = below
  below.other = above
  return [above, below]
}
