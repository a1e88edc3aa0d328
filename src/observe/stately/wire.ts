import type { AnyActorRef, AnyEventObject } from 'xstate'
import { plain } from './plain.ts'

/** The version of the event format of `@statelyai/inspect` that is spoken. */
const formatVersion = '0.7.2'

/** An actor as the format names it. */
export interface InspectedActor {
  readonly ref: AnyActorRef
  readonly rootId: string
}

/** A definition is text within the text, and the same for all actors of a machine. */
const definitions = new WeakMap<object, string>()

function definitionOf({ logic, id }: { readonly logic?: unknown; readonly id: string }): string {
  const config = (logic as { readonly config?: unknown } | undefined)?.config
  if (typeof config !== 'object' || config === null) return JSON.stringify({ id })
  const known = definitions.get(config)
  if (known !== undefined) return known
  const text = JSON.stringify(plain(config, { values: 100_000, characters: 1_000_000 }))
  definitions.set(config, text)
  return text
}

interface LooseSnapshot {
  readonly status?: unknown
  readonly value?: unknown
  readonly context?: unknown
  readonly output?: unknown
  readonly error?: unknown
  readonly tags?: Iterable<string>
}

/**
 * A snapshot as the format has it. Children are left out: each has a registration of its own that names its parent, and a list of all in each
 * snapshot would make an event of a supervisor cost as much as it has children.
 *
 * @param inShort without the context
 */
export function wireSnapshot(snapshot: unknown, inShort = false) {
  const { status, value, context, output, error, tags } = (snapshot ?? {}) as LooseSnapshot
  return {
    status: typeof status === 'string' ? status : 'active',
    value: plain(value, { characters: 1_000 }),
    context: inShort ? {} : (plain(context) ?? {}),
    ...(output !== undefined && { output: plain(output) }),
    ...(error !== undefined && { error: plain(error, { characters: 2_000 }) }),
    historyValue: {},
    tags: [...(tags ?? [])],
    children: {},
  }
}

/** The current snapshot of an actor; undefined while it is being made. */
export function currentSnapshot({ ref }: InspectedActor): unknown {
  return ref.getSnapshot()
}

const head = (type: string, { ref, rootId }: InspectedActor, now: number) => ({
  type,
  sessionId: ref.sessionId,
  rootId,
  createdAt: String(now),
  _version: formatVersion,
  id: null,
})

const parentOf = (ref: AnyActorRef): string | undefined =>
  (ref as { readonly _parent?: AnyActorRef })._parent?.sessionId

/** Tells of an actor, its machine and how it is now. */
export function actorMessage(actor: InspectedActor, now: number): string {
  const { ref } = actor
  return JSON.stringify({
    ...head('@xstate.actor', actor, now),
    name: ref.id,
    parentId: parentOf(ref),
    definition: definitionOf(ref as unknown as { readonly logic?: unknown; readonly id: string }),
    snapshot: wireSnapshot(currentSnapshot(actor)),
  })
}

/** Tells of an event on its way to an actor. */
export function eventMessage(
  actor: InspectedActor,
  event: AnyEventObject,
  sourceId: string | undefined,
  now: number,
): string {
  return JSON.stringify({ ...head('@xstate.event', actor, now), event: plain(event), sourceId })
}

/** Tells how an actor is after an event. */
export function snapshotMessage(
  actor: InspectedActor,
  event: AnyEventObject,
  snapshot: ReturnType<typeof wireSnapshot>,
  now: number,
): string {
  return JSON.stringify({ ...head('@xstate.snapshot', actor, now), event: plain(event), snapshot })
}
