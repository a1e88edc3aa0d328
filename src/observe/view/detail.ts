import { ExovisorError } from '../../errors.ts'
import type { Registry } from '../../resources/registry.ts'
import { splitPath } from '../../resources/registry-path.ts'
import type { RegistrySource } from '../../resources/registry-types.ts'
import type { ResourceSnapshot } from '../../resources/types.ts'
import type { Supervisor, SupervisorClient } from '../../supervision/types.ts'
import type { ActorDetail } from './messages.ts'
import type { RowFeed } from './row-feed.ts'

/** Where details are taken from. */
export interface DetailSources {
  readonly root: Supervisor
  readonly registry: Registry
  readonly feed: RowFeed
  /** The time of day at the zero of the clock, in milliseconds since 1970. */
  readonly epoch: number
}

/** What stands at a path, if anything does. */
export function sourceAt(registry: Registry, path: string): RegistrySource | undefined {
  const { parent, id } = splitPath(path)
  return registry.source(parent, id)
}

/**
 * Everything about one resource.
 * @throws EXO_CHILD_UNKNOWN naming the nearest path
 */
export function detailOf(path: string, sources: DetailSources): ActorDetail {
  const { registry, feed } = sources
  const source = sourceAt(registry, path)
  if (!source) {
    registry.get(path)
    throw new ExovisorError('EXO_CHILD_UNKNOWN', `there is no resource ${JSON.stringify(path)}`)
  }
  return {
    row: feed.row(source),
    machine: source.machine?.id ?? 'lifecycle',
    ...resourceFacts(source.ref.snapshot()),
    ...supervisedFacts(source, sources),
  }
}

function resourceFacts({
  value,
  mailbox,
  deadLetters,
  lateAnswers,
  lastError,
  lastHealth,
}: ResourceSnapshot): Pick<ActorDetail, 'value' | 'mailbox' | 'lastError' | 'lastHealth'> {
  return {
    value,
    mailbox: { waiting: mailbox, deadLetters, lateAnswers },
    ...(lastError && { lastError }),
    ...(lastHealth && { lastHealth }),
  }
}

/** What its supervisor knows of it. While that restarts there is nobody to ask. */
function supervisedFacts(
  { parent, id }: RegistrySource,
  { root, registry, epoch }: DetailSources,
): Pick<ActorDetail, 'spec' | 'window' | 'attempt' | 'circuit' | 'nextAttemptAt' | 'history'> {
  const supervisor = parent === root.name ? root : supervisorAt(registry, parent)
  if (!supervisor) return { history: [] }
  try {
    const { window, attempt, circuit, nextAttemptAt } = supervisor.child(id)
    return {
      spec: supervisor.spec(id),
      window,
      attempt,
      circuit,
      ...(nextAttemptAt !== undefined && { nextAttemptAt: Math.round(epoch + nextAttemptAt) }),
      history: supervisor.history(id).map(event => ({ ...event, at: Math.round(epoch + event.at) })),
    }
  } catch {
    return { history: [] }
  }
}

/** The supervisor at a path, unless it restarts. */
export function supervisorAt(registry: Registry, path: string): SupervisorClient | undefined {
  const client = sourceAt(registry, path)?.ref.client
  return typeof client === 'object' && client !== null && 'history' in client
    ? (client as SupervisorClient)
    : undefined
}
