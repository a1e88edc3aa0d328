import { type Deferred, deferred } from '../../src/concurrency/deferred.ts'
import { networkResource } from '../../src/resources/network-resource.ts'
import type { NetworkShape } from '../../src/resources/network-types.ts'

/** One connection as the network saw it. */
export interface Wire {
  readonly number: number
  readonly signal: AbortSignal
  readonly lost: (reason: unknown) => void
  /** The reasons of its disconnects: one when all is well. */
  readonly disconnects: string[]
}

/** What the network does; each is read at the moment of the call. */
interface Weather {
  /** Before a connect gives its wire: resolve, reject, or wait. */
  connect: (signal: AbortSignal) => Promise<void>
  disconnect: (signal: AbortSignal) => Promise<void>
  ping: (signal: AbortSignal) => Promise<void>
}

/** A kind of connection to nowhere, and a record of what was asked of it. */
export function fakeNetwork(shape: Partial<NetworkShape<object, Wire>> = {}, changes: Partial<Weather> = {}) {
  const wires: Wire[] = []
  const weather: Weather = {
    connect: async () => undefined,
    disconnect: async () => undefined,
    ping: async () => undefined,
    ...changes,
  }
  const definition = networkResource<object, Wire>({
    kind: 'wire',
    async connect(_, { signal, lost }) {
      const wire = { number: wires.length + 1, signal, lost, disconnects: [] }
      wires.push(wire)
      await weather.connect(signal)
      return wire
    },
    async disconnect(wire, { reason, signal }) {
      wire.disconnects.push(reason)
      await weather.disconnect(signal)
    },
    ping: (_, { signal }) => weather.ping(signal),
    ...shape,
  })
  /** Lets every connect from now on wait; the result settles them one after the other. */
  const hold = (): Deferred<void>[] => {
    const held: Deferred<void>[] = []
    weather.connect = () => {
      const one = deferred<void>()
      held.push(one)
      return one.promise
    }
    return held
  }
  return { definition, wires, weather, hold }
}

/** An error as sockets make it. */
export const socketError = (code: string): Error => Object.assign(new Error(code), { code })
