import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A span as it came in. */
export interface SentSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly {
    readonly name: string
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
  /** 2 is an error. */
  readonly status: { readonly code?: number; readonly message?: string }
  readonly start: bigint
  readonly end: bigint
}

interface Value {
  readonly stringValue?: string
  readonly intValue?: string | number
  readonly doubleValue?: number
  readonly boolValue?: boolean
  readonly arrayValue?: { readonly values: readonly Value[] }
}
type KeyValues = readonly { readonly key: string; readonly value: Value }[]
interface Raw {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly kind: number
  readonly attributes?: KeyValues
  readonly events?: readonly { readonly name: string; readonly attributes?: KeyValues }[]
  readonly status?: { readonly code?: number; readonly message?: string }
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
}
interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues }
    readonly scopeSpans: readonly { readonly spans: readonly Raw[] }[]
  }[]
}

function plain({ stringValue, intValue, doubleValue, boolValue, arrayValue }: Value): unknown {
  if (arrayValue) return arrayValue.values.map(plain)
  return stringValue ?? doubleValue ?? boolValue ?? Number(intValue)
}

const record = (pairs: KeyValues = []): Record<string, unknown> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]))

/** A collector of OTLP over HTTP in JSON, on a free port of loopback. */
export interface Collector extends AsyncDisposable {
  readonly url: string
  readonly spans: readonly SentSpan[]
  /** What the sender said of itself. */
  readonly resource: Readonly<Record<string, unknown>>
  /** The paths that were asked for. */
  readonly paths: ReadonlySet<string>
  /** How many requests came. */
  readonly requests: number
  /** The status that it answers. */
  status: number
}

export async function startCollector(): Promise<Collector> {
  const spans: SentSpan[] = []
  const resource: Record<string, unknown> = {}
  const paths = new Set<string>()
  const state = { status: 200, requests: 0 }
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    request.on('end', () => {
      state.requests += 1
      paths.add(request.url ?? '')
      if (state.status === 200) take(JSON.parse(text) as Body)
      response.writeHead(state.status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const take = ({ resourceSpans }: Body): void => {
    for (const each of resourceSpans) {
      Object.assign(resource, record(each.resource.attributes))
      spans.push(...each.scopeSpans.flatMap(scope => scope.spans.map(sentSpan)))
    }
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    resource,
    paths,
    get requests() {
      return state.requests
    },
    get status() {
      return state.status
    },
    set status(status) {
      state.status = status
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const sentSpan = (raw: Raw): SentSpan => ({
  name: raw.name,
  traceId: raw.traceId,
  spanId: raw.spanId,
  parentSpanId: raw.parentSpanId,
  kind: raw.kind,
  attributes: record(raw.attributes),
  events: (raw.events ?? []).map(({ name, attributes }) => ({ name, attributes: record(attributes) })),
  status: raw.status ?? {},
  start: BigInt(raw.startTimeUnixNano),
  end: BigInt(raw.endTimeUnixNano),
})

/** Lines of names, indented by depth, siblings by their beginnings. */
export function treeOf(spans: readonly SentSpan[], parent: string | undefined, depth = 0): string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .sort((a, b) => Number(a.start - b.start))
    .flatMap(({ name, spanId }) => [`${'  '.repeat(depth)}${name}`, ...treeOf(spans, spanId, depth + 1)])
}
