import { z } from 'zod'
import { lifecycleStates } from '../../../machines/lifecycle.ts'

/** Milliseconds since 1970. */
const time = z.number().describe('milliseconds since 1970')
const milliseconds = z.number().describe('milliseconds')
const count = z.int().min(0)
const node = z.string().describe('the name of the node')
const state = z.enum(lifecycleStates)
const error = z.object({ code: z.string(), message: z.string() })

const row = {
  path: z.string().describe('where it stands; unique at any moment'),
  parent: z.string().describe('the path of its supervisor; empty for the root'),
  name: z.string(),
  displayName: z.string(),
  kind: z.string(),
  state,
  incarnation: count,
  restarts: count.describe('incarnations that came after another one'),
  since: time.describe('when it came into this state, in milliseconds since 1970'),
  suspended: z.boolean(),
  dependencies: z.array(z.string()).describe('the names of the siblings that it depends on'),
  error: error.exactOptional().describe('its last error'),
}

/** One resource. */
const resourceRow = z.object(row)
export type ResourceRow = z.output<typeof resourceRow>

/** A resource with those below it. */
export interface ResourceTree extends ResourceRow {
  readonly children: ResourceTree[]
}
const resourceTree: z.ZodType<ResourceTree> = z.object({
  ...row,
  get children() {
    return z.array(resourceTree)
  },
})

const problem = z.object({
  type: z.enum(['state', 'restarts', 'memory', 'delay']),
  path: z.string(),
  kind: z.string(),
  since: time,
  message: z.string(),
  error: error.exactOptional(),
  recovering: z.boolean().describe('true when the last look found it well'),
})

const stats = z.object({
  time,
  resources: count,
  states: z.record(z.string(), count).describe('how many resources are in each state'),
  delay: z
    .object({ median: milliseconds, p99: milliseconds, longest: milliseconds })
    .describe('how late the timers of the node fired since the look before'),
  memory: count.describe('resident bytes of the process of the node'),
  processes: z.record(z.string(), count).describe('resident bytes of the processes of resources, by path'),
  tokensPerSecond: z.number().exactOptional(),
  running: count.exactOptional().describe('generations that run'),
  waiting: count.exactOptional().describe('generations that wait'),
  restarts: count.describe('restarts within the last hour'),
  problems: count,
})

const spread = z.object({ min: z.number(), median: z.number(), max: z.number() })

const happened = z.object({
  since: time.describe('from when on it was asked for'),
  known: time.describe('from when on there is something to tell'),
  events: count,
  starts: count.describe('how often the monitor began'),
  crashes: count.describe('how often it had not ended in order before'),
  lost: count.describe('entries that could not be kept'),
  problems: z.array(
    z.object({ path: z.string(), began: time, over: time.exactOptional(), message: z.string() }),
  ),
  restarts: z.array(z.object({ path: z.string(), count })),
  errors: z.array(z.object({ code: z.string(), message: z.string(), count, resources: count, last: time })),
  downtime: z.array(
    z.object({ path: z.string(), outages: count, down: milliseconds, degraded: milliseconds }),
  ),
  figures: z.record(z.string(), spread).describe('delay in milliseconds, memory in bytes, tokens a second'),
})

const event = z.object({
  time,
  path: z.string().describe('the resource; for a summary its supervisor'),
  event: z
    .looseObject({
      type: z.string(),
      supervisor: z.string(),
      name: z.string().exactOptional(),
      kind: z.string().exactOptional(),
      incarnation: count.exactOptional(),
      attempt: count.exactOptional(),
      error: z.looseObject({ code: z.string(), message: z.string() }).exactOptional(),
      delay: milliseconds.exactOptional(),
      reason: z.string().exactOptional(),
      count: count.exactOptional(),
    })
    .describe('what happened, as supervisors tell it'),
})
export type ResourceEvent = z.output<typeof event>

/** What `exovisor resources health` knows. */
export const healthAnswer = z.object({
  node,
  healthy: z.boolean().describe('false when there is a problem'),
  time,
  stats,
  thresholds: z.object({
    degraded: milliseconds,
    restarts: count,
    memory: count.exactOptional(),
    delay: milliseconds,
  }),
  problems: z.array(problem),
  history: z.string().exactOptional().describe('the file of the history; absent where it is in memory alone'),
  happened: happened.exactOptional(),
})
export type HealthAnswer = z.output<typeof healthAnswer>

export const listAnswer = z.object({ node, resources: z.array(resourceRow) })
export type ListAnswer = z.output<typeof listAnswer>

const treeAnswer = z.object({ node, tree: z.array(resourceTree) })
export type TreeAnswer = z.output<typeof treeAnswer>

export const commandAnswer = z.object({
  node,
  command: z.enum(['reset', 'restart', 'suspend', 'resume']),
  path: z.string(),
  state,
  incarnation: count,
  suspended: z.boolean(),
})
export type CommandAnswer = z.output<typeof commandAnswer>

export const eventsAnswer = z.object({ node, events: z.array(event) })
export type EventsAnswer = z.output<typeof eventsAnswer>

export const exportAnswer = z.object({
  format: z.literal('exovisor resources'),
  version: z.literal(1),
  exported: time,
  node: z.object({ name: z.string(), id: z.string(), pid: z.int(), version: z.string() }),
  resources: z.array(
    z.object({
      ...row,
      spec: z.looseObject({}).exactOptional().describe('its spec with all defaults; the root has none'),
    }),
  ),
  health: healthAnswer,
  events: z.array(event),
})
export type ExportAnswer = z.output<typeof exportAnswer>

/** The documents that `--json` gives, by the name of the command: what `--watch` shows again and again is the same, one a line. */
export const resourceDocuments = {
  list: listAnswer,
  tree: treeAnswer,
  health: healthAnswer,
  command: commandAnswer,
  events: eventsAnswer,
  event,
  export: exportAnswer,
} as const

/**
 * What a question that is asked again and again is answered: the document, or nothing when it is the same as at that mark.
 * The mark changes with what is answered.
 */
export const watchedAnswer = z.object({ mark: z.string(), answer: z.unknown().optional() })
