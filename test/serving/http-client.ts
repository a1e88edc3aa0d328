import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'

export interface Sent {
  readonly request: ClientRequest
  readonly response: Promise<IncomingMessage>
}

/** Sends a JSON body over a connection of its own, so that the connection can be cut. */
export function send(url: string, body: object, headers: Record<string, string> = {}): Sent {
  const sent = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', ...headers },
  })
  const response = once(sent, 'response').then(([it]) => it as IncomingMessage)
  response.catch(() => undefined)
  sent.on('error', () => undefined)
  sent.end(JSON.stringify(body))
  return { request: sent, response }
}

/** Reads a response to its end. */
export async function text(response: IncomingMessage): Promise<string> {
  let all = ''
  for await (const chunk of response.setEncoding('utf8')) all += chunk
  return all
}

/** Splits a complete event stream into its data, parsed but for `[DONE]`. Comments are kept as they are. */
export function eventsOf(stream: string): unknown[] {
  expectEnd(stream)
  return stream
    .slice(0, -2)
    .split('\n\n')
    .map(block => {
      if (block.startsWith(':')) return block
      if (!block.startsWith('data: ') || block.includes('\n')) throw new Error(`not one data line: ${block}`)
      const data = block.slice('data: '.length)
      return data === '[DONE]' ? data : JSON.parse(data)
    })
}

function expectEnd(stream: string): void {
  if (!stream.endsWith('\n\n')) throw new Error(`the stream ends within an event: ${stream.slice(-100)}`)
}
