import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Clock, TimerHandle } from '../concurrency/clock.ts'

export interface EventStreamOptions {
  readonly clock: Clock
  /** The longest silence in milliseconds; then a comment is sent. */
  readonly heartbeatMs: number
  /** How long in milliseconds the reader may take nothing before the connection is destroyed. */
  readonly stallMs: number
  /** Ends waiting for a slow reader. */
  readonly signal: AbortSignal
  /** Called once, before the header goes out; gives further headers. */
  readonly onOpen: () => OutgoingHttpHeaders
}

/** The writing end of server-sent events on one response. */
export interface EventStream {
  /** Whether the header is out: by the first event, or by the first heartbeat. */
  readonly opened: boolean
  /** Sends one event. Waits while the reader is behind, so that no more than a socket's buffer is held for it. */
  send(data: string): Promise<void>
  /** Sends the last event, and ends the response. */
  end(data: string): void
  /** Stops the heartbeat and leaves the response alone. */
  release(): void
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

const frame = (data: string) => `data: ${data}\n\n`

/** Prepares an event stream. Nothing is sent yet, so that a failure before the first event can still get a status. */
export function eventStream(response: ServerResponse, options: EventStreamOptions): EventStream {
  const { clock, heartbeatMs, stallMs, signal } = options
  let opened = false
  let lastWrite = clock.now()
  let timer: TimerHandle = clock.setTimeout(beat, heartbeatMs)

  function beat() {
    const silence = clock.now() - lastWrite
    // With a reader that is behind, a heartbeat would only pile up.
    if (silence >= heartbeatMs && !response.writableNeedDrain) write(': waiting\n\n')
    timer = clock.setTimeout(beat, silence >= heartbeatMs ? heartbeatMs : heartbeatMs - silence)
  }

  function write(text: string): boolean {
    if (!opened) {
      opened = true
      response.writeHead(200, { ...options.onOpen(), ...streamHeaders })
    }
    lastWrite = clock.now()
    return response.destroyed || response.write(text)
  }

  function drained(): Promise<void> {
    return new Promise(resolve => {
      const stalled = clock.setTimeout(() => response.destroy(), stallMs)
      const done = () => {
        clock.clearTimeout(stalled)
        response.off('drain', done).off('close', done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      response.once('drain', done).once('close', done)
      signal.addEventListener('abort', done, { once: true })
      if (signal.aborted) done()
    })
  }

  return {
    get opened() {
      return opened
    },
    async send(data) {
      if (!write(frame(data))) await drained()
    },
    end(data) {
      clock.clearTimeout(timer)
      write(frame(data))
      response.end()
    },
    release: () => clock.clearTimeout(timer),
  }
}
