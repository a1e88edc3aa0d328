import type { ExovisorError } from '../../src/errors.ts'
import type { Frame } from '../../src/network/frame.ts'
import type { TensorLink } from '../../src/network/tensor-link.ts'
import {
  type DialOptions,
  dialTensors,
  type ServeTensorsOptions,
  serveTensors,
} from '../../src/network/tensor-server.ts'

/** Runs `release` of everything that was added, last first. */
export class Cleanup {
  readonly #releases: (() => unknown)[] = []

  add<Value>(value: Value, release: (value: Value) => unknown): Value {
    this.#releases.push(() => release(value))
    return value
  }

  async run(): Promise<void> {
    for (const release of this.#releases.splice(0).reverse()) await release()
  }
}

/** A promise of the next frames of a link. */
export function framesOf(link: TensorLink, count: number): Promise<Frame[]> {
  const frames: Frame[] = []
  return new Promise(resolve => {
    link.onFrame(frame => {
      // The payload is a view of a buffer that gRPC owns.
      frames.push({ ...frame, payload: Uint8Array.from(frame.payload) })
      if (frames.length === count) resolve(frames)
    })
  })
}

/** A promise of why a link is closed. */
export function closingOf(link: TensorLink): Promise<ExovisorError | undefined> {
  return new Promise(resolve => link.onClosed(resolve))
}

/** A tensor server on loopback, with the links that it got. */
export async function startServer(cleanup: Cleanup, options: Partial<ServeTensorsOptions> = {}) {
  const links: TensorLink[] = []
  const waiting: ((link: TensorLink) => void)[] = []
  const server = await serveTensors({
    host: '127.0.0.1',
    port: 0,
    ...options,
    onLink: link => {
      options.onLink?.(link)
      const next = waiting.shift()
      if (next) next(link)
      else links.push(link)
    },
  })
  cleanup.add(server, ({ close }) => close())
  const nextLink = () => {
    const link = links.shift()
    return link ? Promise.resolve(link) : new Promise<TensorLink>(resolve => waiting.push(resolve))
  }
  return { server, nextLink }
}

/** Both ends of one link. */
export async function startPair(
  cleanup: Cleanup,
  options: { serve?: Partial<ServeTensorsOptions>; dial?: Partial<DialOptions> } = {},
) {
  const { server, nextLink } = await startServer(cleanup, options.serve)
  const client = await dialTensors({ endpoint: server.endpoint, ...options.dial })
  cleanup.add(client, link => link.close())
  return { server, client, remote: await nextLink() }
}
