/** The service in a process of its own: a gRPC server, and before it a TCP proxy that plays the faults. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { type FaultPlan, faultPlan, noFaults } from './faults.ts'
import { greet } from './greeter.ts'

/** What the service is told: begin anew, with the faults of a seed or with none. Each is answered by a {@link Report}. */
export interface Command {
  /** Forget what was counted, and play what follows. */
  readonly begin: boolean
  readonly seed: number | undefined
  /** How long the service works for each call. Default: 0, it answers at once. */
  readonly workMs?: number | undefined
}

/** What the service has seen since it began anew. */
export interface Report {
  /** `host:port` */
  readonly proxy: string
  readonly connections: number
  readonly calls: number
  /** Sockets of the client that are open now. */
  readonly open: number
}

let plan: FaultPlan = noFaults
let work = 0
let connections = 0
let calls = 0
/** Each connection of a client, by the port at which the server sees it. */
const pairs = new Map<number, { readonly inward: Socket; readonly outward: Socket }>()
const open = new Set<Socket>()

const server = new Server()
server.addService(
  { greet },
  {
    greet(call: ServerUnaryCall<string, string>, answer: sendUnaryData<string>) {
      calls += 1
      const fault = plan.nextCall()
      const pair = pairs.get(Number(call.getPeer().split(':').at(-1)))
      const respond = (): void => {
        if (fault === 'internal') answer({ code: status.INTERNAL, details: 'a worker has died' })
        else if (fault === 'reset') pair?.inward.resetAndDestroy()
        else answer(null, `hello, ${call.request}`)
      }
      if (fault === 'unavailable') answer({ code: status.UNAVAILABLE, details: 'try again' })
      else if (fault === 'stall') pair?.outward.pause()
      else if (work === 0) respond()
      else setTimeout(respond, work)
    },
  },
)
const serverPort = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  )
})

const proxy = createServer(inward => {
  connections += 1
  if (plan.nextConnection()) {
    inward.resetAndDestroy()
    return
  }
  open.add(inward)
  const outward = connect({ host: '127.0.0.1', port: serverPort }, () => {
    const { localPort = 0 } = outward
    pairs.set(localPort, { inward, outward })
    outward.on('close', () => pairs.delete(localPort))
  })
  for (const [from, to] of [
    [inward, outward],
    [outward, inward],
  ] as const) {
    from.setNoDelay(true)
    from.on('error', () => {})
    from.on('data', bytes => void to.write(bytes))
    from.on('close', () => to.destroy())
  }
  inward.on('close', () => open.delete(inward))
})
proxy.listen(0, '127.0.0.1')
await once(proxy, 'listening')

function report(): void {
  const { port } = proxy.address() as AddressInfo
  process.send?.({ proxy: `127.0.0.1:${port}`, connections, calls, open: open.size } satisfies Report)
}

process.on('message', ({ begin, seed, workMs = 0 }: Command) => {
  if (begin) {
    work = workMs
    plan = seed === undefined ? noFaults : faultPlan(seed)
    connections = 0
    calls = 0
    // What the client before has left behind is not this one's.
    for (const socket of open) socket.destroy()
  }
  report()
})
process.on('disconnect', () => process.exit())
