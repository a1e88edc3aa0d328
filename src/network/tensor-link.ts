import type { ExovisorError } from '../errors.ts'
import type { Frame } from './frame.ts'

/** A long-lived stream of frames between two neighbouring stages. It watches by itself whether the other side lives. */
export interface TensorLink {
  /** Who is at the other end: `host:port`. */
  readonly peer: string
  /** Smoothed time of a ping there and back in milliseconds; undefined until the first one is back. */
  readonly roundTripMs: number | undefined
  /**
   * Queues a frame. False asks to wait for {@link drained}, or means that the link is closed. A sender that
   * does not wait and runs over the limit has its link closed.
   *
   * @throws EXO_FRAME_INVALID when the frame breaks the format
   */
  send(frame: Frame): boolean
  /** Resolves when there is room again; rejects with EXO_STREAM_CLOSED or whatever else closed the link. */
  drained(): Promise<void>
  /** Sets who gets the frames, in order. Those that came before are kept for the first one. */
  onFrame(listener: (frame: Frame) => void): void
  /**
   * Called once: with undefined after our own {@link close}, else with EXO_STREAM_CLOSED, or with
   * EXO_FRAME_INVALID when something came that is no frame. A listener that comes too late is called too.
   */
  onClosed(listener: (error: ExovisorError | undefined) => void): void
  /** Sends what waits and takes leave. Lets go after a second of silence, or ten seconds at the latest. */
  close(): void
}

/** What both ends of a gRPC stream have in common: messages in order, and three ways to end. */
export interface Transport {
  readonly peer: string
  write(bytes: Buffer, flushed: () => void): void
  /** Takes leave once all is written. */
  end(): void
  /** Tells the other side why, if it still listens. */
  refuse(error: ExovisorError): void
  /** Lets go of the connection at once. */
  destroy(): void
  /** Sets who is told of what happens on the stream. */
  listen(events: TransportEvents): void
}

/** See {@link Transport.listen}. */
export interface TransportEvents {
  message(bytes: Buffer): void
  /** The other side has taken leave. */
  ended(): void
  /** The stream is gone. */
  failed(error: ExovisorError): void
}
