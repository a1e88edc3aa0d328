import { z } from 'zod'
import { lifecycleStates } from '../../../machines/lifecycle.ts'
import type { Clock } from '../../concurrency/clock.ts'
import { ExovisorError } from '../../errors.ts'
import type { Registry } from '../../resources/registry.ts'
import { splitPath } from '../../resources/registry-path.ts'
import type { SupervisionRecord, Supervisor } from '../../supervision/types.ts'
import type { HistoryEntry } from '../history/entry.ts'
import { pathOfRecord } from '../history/record-path.ts'
import type { Journal } from '../journal.ts'
import type { ResourceMonitor } from '../monitor/types.ts'
import type { ResourceCommands } from '../view/commands.ts'
import { findResource } from './find-resource.ts'
import type { ControlHandler } from './protocol.ts'
import type { CommandAnswer, ExportAnswer, HealthAnswer, ResourceEvent } from './resource-answers.ts'
import { rowsOf } from './resource-rows.ts'
import { specOf } from './resource-spec.ts'

/** What the answers about resources are made of. */
export interface ResourceParts {
  readonly node: { readonly name: string; readonly id: string; readonly version: string }
  readonly root: Supervisor
  readonly registry: Registry
  readonly journal: Journal<SupervisionRecord>
  readonly commands: ResourceCommands
  /** The monitor, as soon as it is READY. */
  readonly monitor: () => Promise<ResourceMonitor>
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const name = z.string().min(1).max(1_024)
/** Of an answer that was given before: the same one is not given again. */
const mark = z.string().max(64).exactOptional()
const span = z.number().min(0)

const listParams = z.strictObject({
  kind: name.exactOptional(),
  state: z.enum(lifecycleStates).exactOptional(),
  mark,
})
const healthParams = z.strictObject({ since: span.exactOptional(), mark })
const commandParams = z.strictObject({
  command: z.enum(['reset', 'restart', 'suspend', 'resume']),
  name,
  kind: name.exactOptional(),
})
const eventsParams = z.strictObject({
  name: name.exactOptional(),
  since: span.exactOptional(),
  limit: z.int().min(1).max(100_000),
  mark,
})
const nothing = z.strictObject({})

/** A handler whose params are checked first. */
function checked<Schema extends z.ZodType>(
  schema: Schema,
  handle: (params: z.output<Schema>) => unknown,
): ControlHandler {
  return params => {
    const parsed = schema.safeParse(params)
    if (parsed.success) return handle(parsed.data)
    const [issue] = parsed.error.issues
    throw new ExovisorError('EXO_REQUEST_INVALID', `params.${issue?.path.join('.')}: ${issue?.message}`)
  }
}

/** What a node answers about its resources over the control socket, by the name of the method. */
export function resourceHandlers(parts: ResourceParts): Readonly<Record<string, ControlHandler>> {
  const { registry, journal } = parts
  let changes = 0
  registry.watch(() => {
    changes += 1
  })
  return {
    'resources.list': checked(listParams, async ({ kind, state, mark: known }) => {
      const now = String(changes)
      if (known === now) return { mark: now }
      const resources = await rowsOf(
        parts,
        source => (kind ?? source.kind) === source.kind && (state ?? source.state) === source.state,
      )
      return { mark: now, answer: { node: parts.node.name, resources } }
    }),
    'resources.health': checked(healthParams, async ({ since, mark: known }) => {
      const monitor = await parts.monitor()
      const now = String(monitor.latestStats()?.time ?? 0)
      if (known === now) return { mark: now }
      const answer = await health(parts, since)
      return { mark: String(answer.stats.time), answer }
    }),
    'resources.command': checked(commandParams, params => command(parts, params)),
    'resources.events': checked(eventsParams, async params => {
      const now = String(journal.sequence)
      const events = await (params.mark === undefined ? lastEvents(parts, params) : newEvents(parts, params))
      return { mark: now, answer: { node: parts.node.name, events } }
    }),
    'resources.export': checked(nothing, () => exported(parts)),
  }
}

async function health(parts: ResourceParts, since: number | undefined): Promise<HealthAnswer> {
  const monitor = await parts.monitor()
  const asked = since === undefined ? {} : { since: parts.now() - since }
  const { problems, thresholds, ...report } = await monitor.detailedReport(asked)
  const { memory, ...others } = thresholds
  return {
    node: parts.node.name,
    healthy: problems.length === 0,
    ...report,
    thresholds: { ...others, ...(memory !== undefined && { memory }) },
    problems: [...problems],
  } as HealthAnswer
}

async function command(
  { registry, commands, node }: ResourceParts,
  { command: what, name: asked, kind }: z.output<typeof commandParams>,
): Promise<CommandAnswer> {
  const path = findResource(registry, asked, kind)
  const result = await commands.run(what, path)
  return { node: node.name, command: what, ...result }
}

/** Whether events of that path are meant by a name, also when the resource itself is not there any more. */
const fitting = (asked: string | undefined): ((path: string) => boolean) =>
  asked === undefined ? () => true : path => path === asked || splitPath(path).id === asked

async function lastEvents(
  { monitor, now, registry }: ResourceParts,
  { name: asked, since, limit }: z.output<typeof eventsParams>,
): Promise<readonly ResourceEvent[]> {
  const from = since === undefined ? undefined : now() - since
  const entries = await (await monitor()).lastEvents({ limit, since: from, fits: fitting(asked) })
  // A name that nothing has is mostly a slip.
  if (asked !== undefined && entries.length === 0) findResource(registry, asked)
  return entries.flatMap(eventOf)
}

const eventOf = (entry: HistoryEntry): readonly ResourceEvent[] =>
  entry.type === 'event'
    ? [{ time: entry.time, path: entry.path, event: { ...entry.event } as ResourceEvent['event'] }]
    : []

function newEvents(
  { journal }: ResourceParts,
  { name: asked, mark: known }: z.output<typeof eventsParams>,
): readonly ResourceEvent[] {
  const fits = fitting(asked)
  return journal
    .after(Number(known))
    .map(({ time, event }) => ({
      time,
      path: pathOfRecord(event),
      event: { ...event } as ResourceEvent['event'],
    }))
    .filter(({ path }) => fits(path))
}

const MOST_EXPORTED = 10_000

async function exported(parts: ResourceParts): Promise<ExportAnswer> {
  const { node, now, monitor } = parts
  const rows = await rowsOf(parts)
  const events = await (await monitor()).lastEvents({ limit: MOST_EXPORTED })
  return {
    format: 'exovisor resources',
    version: 1,
    exported: now(),
    node: { ...node, pid: process.pid },
    resources: rows.map(row => {
      const spec = specOf(parts, row)
      return { ...row, ...(spec && { spec: { ...spec } }) }
    }),
    health: await health(parts, undefined),
    events: events.flatMap(eventOf),
  }
}
