import {
  Client,
  connectivityState,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js'

const encode = (text: string) => Buffer.from(text)
const decode = (bytes: Buffer) => bytes.toString()

/** The one method of the service, as generated code would describe it. */
export const greet: MethodDefinition<string, string> = {
  path: '/Greeter/Greet',
  requestStream: false,
  responseStream: false,
  requestSerialize: encode,
  requestDeserialize: decode,
  responseSerialize: encode,
  responseDeserialize: decode,
}

/** What each client is: the rest of the program knows no more of it. */
export interface Greeter {
  greet(name: string): Promise<string>
  close(): Promise<void>
}

/** What each client is told. */
export interface GreeterOptions {
  /** `host:port` */
  readonly endpoint: string
  readonly connections: number
  /** Milliseconds for one attempt of a call. */
  readonly attemptMs: number
}

/** The same for all, so that none wins by trying harder: attempts with the first one, and milliseconds. */
export const limits = { attempts: 4, connectMs: 500, backoffMs: 10, longestBackoffMs: 80 } as const

/** Opens a channel with a connection of its own; fails when the first attempt to connect does. Closes what it cannot give. */
export function openChannel(endpoint: string): Promise<Client> {
  const client = new Client(endpoint, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    // Who cannot connect is replaced. Tried again by itself, it would connect even after it is closed.
    'grpc.initial_reconnect_backoff_ms': 60_000,
    'grpc.min_reconnect_backoff_ms': 60_000,
  })
  const channel = client.getChannel()
  const deadline = Date.now() + limits.connectMs
  return new Promise((resolve, reject) => {
    const look = (late?: Error) => {
      const state = channel.getConnectivityState(true)
      if (state === connectivityState.READY) return resolve(client)
      if (!late && state !== connectivityState.TRANSIENT_FAILURE)
        return channel.watchConnectivityState(state, deadline, look)
      client.close()
      reject(late ?? new Error(`nobody takes a connection at ${endpoint}`))
    }
    look()
  })
}

/** Calls back when the connection of a channel is lost, and not when the channel is closed. */
export function onLost(client: Client, lost: (reason: Error) => void): void {
  const channel = client.getChannel()
  channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, closed => {
    if (!closed && channel.getConnectivityState(false) !== connectivityState.SHUTDOWN)
      lost(new Error('the connection is lost'))
  })
}

/** One attempt of one call. Rejects with a {@link ServiceError}. */
export function callOnce(client: Client, name: string, attemptMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = greet
    const deadline = Date.now() + attemptMs
    const answered = (error: ServiceError | null, answer = '') => (error ? reject(error) : resolve(answer))
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      name,
      new Metadata(),
      { deadline },
      answered,
    )
  })
}
