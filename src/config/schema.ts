import { z } from 'zod'
import { builtinKinds, builtinPolicies } from './policies.ts'
import { duration, durationBetween, probeRatio } from './units.ts'

/** Makes every field of a shape one that may be left out, without giving it a default. */
function optionalFields<Shape extends z.core.$ZodShape>(shape: Shape) {
  const fields = Object.entries(shape).map(([key, field]) => [key, z.exactOptional(field)])
  return Object.fromEntries(fields) as { [Key in keyof Shape]: z.ZodExactOptional<Shape[Key]> }
}

const degraded = {
  after: probeRatio.describe('how many of the last health checks must fail before the child is DEGRADED'),
  grace: duration.describe('how long a child may stay DEGRADED before the supervisor acts'),
  soft: z.int().min(0).max(100).describe('how often the child may recover in place before it is restarted'),
}

const backoff = {
  initial: duration.describe('the delay before the first restart'),
  factor: z.number().min(1).max(100).describe('by how much each further delay grows'),
  max: duration.describe('the longest delay, jitter included'),
  jitter: z
    .enum(['none', 'full', 'equal', 'decorrelated'])
    .describe(
      'how much of the delay is chance; decorrelated draws from initial to three times the delay before, without factor',
    ),
  resetAfter: duration.describe('after how long in READY the delay starts from initial again'),
}

const intensity = {
  restarts: z.int().min(0).max(100_000).describe('how many restarts are allowed within the time'),
  within: durationBetween(1).describe('the time in which restarts are counted'),
}

const probe = {
  interval: durationBetween(10).describe('the time between two health checks'),
  timeout: durationBetween(1).describe('how long one health check may take'),
}

const policy = {
  restart: z
    .enum(['permanent', 'transient', 'temporary'])
    .describe('permanent restarts after any end, transient only after a failure, temporary never'),
  on: z
    .array(z.enum(['DEGRADED', 'ERROR']))
    .max(2)
    .describe('the states in which the supervisor acts on the child'),
  degraded: z.strictObject(optionalFields(degraded)).describe('what happens to a child in DEGRADED'),
  backoff: z.strictObject(optionalFields(backoff)).describe('the delay between restarts'),
  intensity: z
    .strictObject(optionalFields(intensity))
    .describe('the restart intensity: one restart more than this, and the supervisor gives up'),
  decide: z
    .record(z.string().min(1).max(128), z.enum(['resume', 'restart', 'stop', 'escalate']))
    .describe('what follows an error, by its code or the name of its class; * stands for all others'),
  circuit: z
    .union([z.literal('off'), durationBetween(1)])
    .describe(
      'off escalates when the intensity is spent; a time keeps the child down for so long and then tries again',
    ),
  startTimeout: z
    .union([durationBetween(1), z.literal('infinity').transform(() => Number.POSITIVE_INFINITY)])
    .describe('how long INITIALIZING may take'),
  shutdown: z
    .union([duration, z.literal('infinity'), z.literal('kill')])
    .describe('how long CLOSING may take'),
  probe: z.strictObject(optionalFields(probe)).describe('how health checks are made'),
}

/** A policy as the file writes it. It has no defaults, so it changes the keys that it gives and no other. */
const policyOverride = z.strictObject(optionalFields(policy)).meta({ id: 'policy' })

/** A policy with nothing left open. */
export const completePolicy = z.strictObject({
  ...policy,
  degraded: z.strictObject(degraded),
  backoff: z.strictObject(backoff),
  intensity: z.strictObject(intensity),
  probe: z.strictObject(probe),
})

/** Some keys of a policy, in the form of the file: durations like `10s`. */
export type PolicyInput = z.input<typeof policyOverride>

/** Some keys of a policy after parsing: durations in milliseconds. */
export type PolicyOverride = z.output<typeof policyOverride>

/** A whole policy after parsing: durations in milliseconds. */
export type CompletePolicy = z.output<typeof completePolicy>

const name = z.string().min(1).max(64)
const policyName = name.meta({ title: 'policy name' })
const policyByName = (longestName: number) =>
  z.record(z.string().min(1).max(longestName), z.union([policyName, policyOverride]))

const host = z.string().min(1).max(253)
const secret = z.string().min(8).max(256).meta({ writeOnly: true })
const path = z.string().min(1).max(4_096)
const port = z.int().min(0).max(65_535)

const builtinPolicyInputs: Record<string, PolicyInput> = Object.fromEntries(
  Object.entries(builtinPolicies).map(([name, { policy }]) => [name, policy]),
)

const supervisionSchema = z.strictObject({
  policies: z
    .record(name, policyOverride)
    .prefault(builtinPolicyInputs)
    .describe(
      'restart policies by name; a name that is built in keeps what is not given, any other starts from default',
    ),
  kinds: policyByName(64)
    .prefault({ ...builtinKinds })
    .describe('the policy for each kind of resource: a name, or keys that differ from the one the kind has'),
  names: policyByName(256)
    .prefault({})
    .describe('the policy for single resources, by name: a name, or keys that differ from that of the kind'),
})

/** The whole of exovisor.yaml: every key with its default and one sentence on what it does. */
export const configSchema = z.strictObject({
  node: z
    .strictObject({
      name: name.exactOptional().describe('the name of this node; the host name by default'),
      namespace: name.prefault('default').describe('nodes of different namespaces do not see each other'),
      state: path
        .exactOptional()
        .describe('the directory that keeps the id of this node; without it the id is new at each start'),
    })
    .prefault({})
    .describe('who this node is'),
  model: path.prefault('builtin').describe('the model to serve: builtin, or the path of a model directory'),
  api: z
    .strictObject({
      enabled: z.boolean().prefault(true).describe('whether the HTTP API is served'),
      host: host.prefault('127.0.0.1').describe('the address that the HTTP API listens on'),
      port: port.prefault(52_415).describe('the port of the HTTP API; 0 takes a free one'),
      keys: z
        .array(secret)
        .max(1_000)
        .prefault([])
        .describe('the API keys that are accepted; needed beyond loopback'),
    })
    .prefault({})
    .describe('the HTTP API, which speaks the protocol of OpenAI'),
  grpc: z
    .strictObject({
      host: host.prefault('127.0.0.1').describe('the address that other nodes reach this node on'),
      port: port.prefault(0).describe('the port of the gRPC server; 0 takes a free one'),
      key: secret.exactOptional().describe('the secret that all nodes share; needed beyond loopback'),
    })
    .prefault({})
    .describe('the server that other nodes call'),
  discovery: z
    .strictObject({
      udp: z
        .strictObject({
          enabled: z.boolean().prefault(true).describe('whether nodes announce themselves on the network'),
          port: port.min(1).prefault(52_416).describe('the UDP port of the announcements'),
          interval: durationBetween(10).prefault('2s').describe('the time between two announcements'),
          timeout: durationBetween(10).prefault('10s').describe('after how long in silence a peer is lost'),
        })
        .prefault({})
        .describe('finding nodes on the local network by announcements'),
      manual: z
        .strictObject({
          file: path.exactOptional().describe('a file that lists peers; it is read again when it changes'),
        })
        .prefault({})
        .describe('finding nodes by a list'),
    })
    .prefault({})
    .describe('how nodes find each other'),
  engine: z
    .strictObject({
      kind: z
        .enum(['onnx', 'dummy'])
        .prefault('onnx')
        .describe('the inference engine; dummy makes text without a model'),
      threads: z.int().min(1).max(256).prefault(1).describe('the compute threads of one engine process'),
      context: z
        .int()
        .min(8)
        .max(1_048_576)
        .exactOptional()
        .describe('the longest sequence in tokens; what the model allows by default'),
      slots: z.int().min(1).max(1_024).prefault(4).describe('how many sequences one engine holds at a time'),
      prefillChunk: z
        .int()
        .min(1)
        .max(4_096)
        .prefault(128)
        .describe('how many tokens of a prompt are computed in one step'),
      memory: z
        .int()
        .min(1)
        .exactOptional()
        .describe('the bytes of memory that this node offers; all of it by default'),
    })
    .prefault({})
    .describe('the process that computes the layers of a model'),
  control: z
    .strictObject({
      enabled: z
        .boolean()
        .prefault(true)
        .describe('whether commands like tasks list can talk to this node on this machine'),
      socket: path
        .exactOptional()
        .describe('the local socket that those commands talk to; one in the runtime directory by default'),
    })
    .prefault({})
    .describe('how commands on the same machine reach a running node'),
  console: z
    .strictObject({
      enabled: z
        .boolean()
        .prefault(true)
        .describe('whether the console, a page that shows and commands this node, is served on this machine'),
      port: port.prefault(52_417).describe('the port of the console; when it is 0 or taken, a free one'),
    })
    .prefault({})
    .describe('the page that shows this node'),
  inspect: z
    .strictObject({
      enabled: z
        .boolean()
        .prefault(false)
        .describe("whether Stately's inspector may watch the machines of this node on this machine"),
      port: port
        .prefault(52_418)
        .describe("the port of the websocket for Stately's inspector; when it is 0 or taken, a free one"),
    })
    .prefault({})
    .describe("the bridge to Stately's inspector"),
  monitor: z
    .strictObject({
      interval: durationBetween(100).prefault('5s').describe('the time between two looks at all resources'),
      degraded: duration
        .prefault('1m')
        .describe('after how long in DEGRADED or ERROR a resource is reported as a problem'),
      restarts: z
        .int()
        .min(1)
        .max(1_000_000)
        .prefault(10)
        .describe('how many restarts within an hour make a resource a problem'),
      memory: z
        .int()
        .min(1)
        .exactOptional()
        .describe('the resident bytes from which a process is a problem; no limit by default'),
      delay: durationBetween(1)
        .prefault('200ms')
        .describe('the event loop delay, at its 99th percentile, from which the node is a problem'),
      history: path
        .exactOptional()
        .describe('the file that keeps events and figures; history.sqlite in node.state by default'),
      retention: durationBetween(60_000).prefault('168h').describe('how long the history is kept'),
    })
    .prefault({})
    .describe('how resources are watched, and what is a problem'),
  tracing: z
    .strictObject({
      endpoint: z
        .url({ protocol: /^https?$/ })
        .max(2_048)
        .exactOptional()
        .describe('the URL that OpenTelemetry spans are sent to by OTLP over HTTP; none are made without it'),
      sample: z.number().min(0).max(1).prefault(1).describe('the part of the requests that is traced'),
    })
    .prefault({})
    .describe('spans for OpenTelemetry'),
  shutdown: z
    .strictObject({
      withdraw: duration.prefault('2s').describe('how long telling the other nodes of the stop may take'),
      drain: duration
        .prefault('5s')
        .describe('how long running answers may go on after a stop was asked for'),
      close: duration
        .prefault('15s')
        .describe('how long closing may take for the servers, for the peers and for the engines'),
      flush: duration.prefault('1s').describe('how long writing the last log lines may take'),
    })
    .prefault({})
    .describe('how the node stops'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .prefault('info')
        .describe('the least important lines that are logged'),
    })
    .prefault({})
    .describe('what is logged'),
  supervision: supervisionSchema.prefault({}).describe('when and how resources are restarted'),
})

/** The configuration after parsing: defaults filled in, durations in milliseconds. */
export type Config = z.output<typeof configSchema>
