/**
 * A pool of TCP connections, shared by more callers than there are connections. One connection dies while it is borrowed: its
 * borrower is told at once, and the pool makes another one.
 *
 *     node --conditions=source examples/connection-pool.ts
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { networkResource, poolResource, supervise } from 'exovisor/runtime'

// The service: answers each line with the number of the connection. The second connection dies of its second line.
let connections = 0
const service = createServer(socket => {
  connections += 1
  const number = connections
  let lines = 0
  socket.on('error', () => {})
  socket.on('data', data => {
    lines += 1
    if (number === 2 && lines === 2) socket.destroy()
    else socket.write(`${data.toString().trim()} came over connection ${number}\n`)
  })
})
service.listen(0, '127.0.0.1')
await once(service, 'listening')
const { port } = service.address() as { port: number }

const line = networkResource<{ port: number }, Socket>({
  kind: 'line',
  async connect(input, { signal, lost }) {
    const socket = connect({ port: input.port, host: '127.0.0.1', signal })
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.on('close', () => lost(new Error('the service hung up')))
    return socket
  },
  disconnect: async socket => void socket.destroy(),
})

const lines = poolResource(line)
await using root = await supervise({
  children: [{ id: 'lines', resource: lines, input: { input: { port }, min: 2, max: 3 } }],
})
const pool = await root.ref(lines, 'lines').ready()

/** One question over a connection that nobody else uses meanwhile. Who loses the connection asks again over another one. */
async function ask(question: string, attempt = 1): Promise<void> {
  try {
    const answer = await pool.use(client =>
      client.withConnection(
        async (socket, { signal }) => {
          socket.write(`${question}\n`)
          const [data] = await once(socket, 'data', { signal })
          return String(data).trim()
        },
        // With retries it would get a new connection in place. Without, it gives the broken one back, and the pool makes another one.
        { retries: 0 },
      ),
    )
    console.log(answer)
  } catch (error) {
    console.log(`${question} lost its connection (${error instanceof Error ? error.message : error})`)
    if (attempt < 3) await ask(question, attempt + 1)
  }
}

await Promise.all(Array.from({ length: 9 }, (_, index) => ask(`question ${index + 1}`)))

const { created, destroyed, lost, borrows, members } = pool.statistics()
console.log(
  `\n${borrows} borrows over ${created} connections: ${lost} lost, ${destroyed} closed, ${members} here`,
)
console.log(`the pool itself was restarted ${root.ref(lines, 'lines').snapshot().restarts} times`)
service.close()
