/**
 * A TCP service that falls over again and again, kept alive by the runtime alone: no gRPC, no model.
 *
 *     node --conditions=source examples/flaky-tcp-service.ts
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { lifecycle } from 'exovisor/machines'
import { defineResource, supervise } from 'exovisor/runtime'

// The service: answers each line with its number, and breaks every third connection.
let connections = 0
const service = createServer(socket => {
  connections += 1
  const flaky = connections % 3 !== 0
  let lines = 0
  socket.on('error', () => {})
  socket.on('data', () => {
    lines += 1
    if (flaky && lines > 3) socket.destroy()
    else socket.write(`line ${lines}\n`)
  })
})
service.listen(0, '127.0.0.1')
await once(service, 'listening')
const { port } = service.address() as { port: number }

// The resource: how to connect, and what a lost connection means. The rest is the supervisor's work.
const connection = defineResource<{ port: number }, { ask(line: string): Promise<string>; close(): void }>({
  kind: 'connection',
  machine: lifecycle,
  async initialize({ input, signal, self }) {
    const socket: Socket = connect({ port: input.port, host: '127.0.0.1', signal })
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.on('close', () => self.fail(new Error('the service hung up')))
    return {
      async ask(line) {
        socket.write(`${line}\n`)
        const [answer] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
        if (!(answer instanceof Buffer)) throw new Error('no answer')
        return answer.toString().trim()
      },
      close: () => socket.destroy(),
    }
  },
  cleanup: async client => client?.close(),
})

await using root = await supervise({
  children: [
    {
      id: 'service',
      resource: connection,
      input: { port },
      policy: {
        backoff: { initial: 10, factor: 2, max: 100, jitter: 'none', resetAfter: 60_000 },
        intensity: { restarts: 10, within: 60_000 },
      },
    },
  ],
  onEvent: event => console.log(`  ${event.type} ${event.name}#${event.incarnation}`),
})
const client = root.ref(connection, 'service')

let answered = 0
while (answered < 10) {
  const { ask } = await client.ready({ timeout: 5_000 })
  try {
    console.log(await ask(`question ${answered + 1}`))
    answered += 1
  } catch {
    console.log('the connection broke; waiting for the next incarnation')
  }
}
console.log(`${answered} answers over ${connections} connections, incarnation ${client.incarnation}`)
service.close()
