import { VirtualClock } from '../../../src/concurrency/virtual-clock.ts'
import { type ResourceCommands, resourceCommands } from '../../../src/observe/view/commands.ts'
import type { ViewMessage } from '../../../src/observe/view/messages.ts'
import { RuntimeView } from '../../../src/observe/view/runtime-view.ts'
import { type ViewerPorts, ViewerSession } from '../../../src/observe/view/viewer-session.ts'
import { silentLog } from '../../../src/resources/log.ts'
import { Registry } from '../../../src/resources/registry.ts'
import { EventStream } from '../../../src/supervision/events/stream.ts'
import type { AnyChildSpec, SuperviseOptions } from '../../../src/supervision/types.ts'
import { grow } from '../../supervision/tree.ts'

/** The time of day at the zero of the virtual clock. */
export const EPOCH = 1_000_000

/** A reader that can stop reading. */
class FakeLink {
  readonly messages: ViewMessage[] = []
  isFull = false

  send(message: ViewMessage): void {
    this.messages.push(message)
  }

  /** All messages of a type, in order. */
  of<Type extends ViewMessage['type']>(type: Type): Extract<ViewMessage, { type: Type }>[] {
    return this.messages.filter(message => message.type === type) as never
  }

  take(): ViewMessage[] {
    return this.messages.splice(0)
  }
}

/** A tree under a virtual clock with a view of it. */
export async function viewed(
  children: readonly AnyChildSpec[],
  options: Partial<SuperviseOptions> & { readonly journal?: { lines?: number; bytes?: number } } = {},
) {
  const { journal, ...more } = options
  const registry = new Registry(silentLog)
  const clock = options.clock ?? new VirtualClock()
  const now = () => EPOCH + clock.now()
  const events = new EventStream({ clock, log: silentLog })
  const world = await grow(children, { registry, events, ...more, clock })
  const view = new RuntimeView({
    root: world.root,
    registry,
    events,
    clock: world.clock,
    now,
    ...(journal && { journal }),
  })
  const commands: ResourceCommands = resourceCommands(world.root, registry, { clock: world.clock })
  const hello = {
    node: { name: 'attic', id: 'n1', pid: 1, version: '0' },
    startedAt: EPOCH,
  }
  const open = (ports: Partial<ViewerPorts> = {}) => {
    const link = new FakeLink()
    const session = new ViewerSession(view, link, { commands, hello, ...ports })
    return { link, session }
  }
  /** Lets all that has gathered be sent. */
  const flushed = () => world.clock.advance(200)
  return { ...world, registry, stream: events, view, open, flushed }
}
