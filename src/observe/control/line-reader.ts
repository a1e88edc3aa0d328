import type { Socket } from 'node:net'

/**
 * Calls back with each whole line that comes in over a socket. A line longer than `limit` characters calls `onTooLong` once, and nothing
 * is read after it.
 */
export function readLines(
  socket: Socket,
  limit: number,
  on: { readonly line: (text: string) => void; readonly tooLong: () => void },
): void {
  let rest = ''
  socket.setEncoding('utf8')
  const read = (chunk: string): void => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > limit || lines.some(line => line.length > limit)) {
      socket.off('data', read)
      rest = ''
      on.tooLong()
      return
    }
    for (const line of lines) if (line !== '') on.line(line)
  }
  socket.on('data', read)
}
