import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export const HOST = '127.0.0.1'

/** Lets a server listen for this machine alone: on that port, or on a free one when it is 0 or taken. The result is the port. */
export async function listenLocal(server: Server, port: number): Promise<number> {
  try {
    await listen(server, port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    await listen(server, 0)
  }
  return (server.address() as AddressInfo).port
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, HOST, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
