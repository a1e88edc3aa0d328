import { randomBytes } from 'node:crypto'
import type { Admission } from './cluster/admission.ts'
import type { ModelService } from './cluster/model-service.ts'
import type { Placement } from './cluster/placement.ts'
import { realClock } from './concurrency/clock.ts'
import type { Config } from './config/schema.ts'
import { clusterView } from './console/cluster-view.ts'
import { type ConsoleClient, consoleServer } from './console/console-server.ts'
import { FiguresFeed } from './console/figures-feed.ts'
import type { Model } from './models/model.ts'
import { nodeCommands } from './node-monitor.ts'
import { processMemory } from './node-processes.ts'
import type { NodeRoot } from './node-root.ts'
import { RuntimeView } from './observe/view/runtime-view.ts'
import type { ViewerPorts } from './observe/view/viewer-session.ts'
import type { ResourceRef } from './resources/types.ts'
import { version } from './version.ts'

/** What of a node viewers are shown beside its tree. */
export interface NodeViewParts {
  readonly self: { readonly name: string; readonly nodeId: string }
  readonly model: Model
  readonly service: ModelService
  readonly admission: Admission
  readonly placement: Placement
}

/** A node as viewers see it, wherever they look at it from. */
export interface NodeView {
  readonly view: RuntimeView
  readonly ports: ViewerPorts
}

/** Makes the view of a node, and begins its journal for time travel. */
export function nodeView(
  { root, registry, events, metrics, onDispose }: NodeRoot,
  { self: { name, nodeId: id }, model, service, admission, placement }: NodeViewParts,
): NodeView {
  const view = new RuntimeView({ root, registry, events, clock: realClock })
  view.journal.start()
  onDispose(() => view.journal.close())
  const figures = new FiguresFeed({
    clock: realClock,
    now: view.now,
    sources: {
      counted: () => metrics.figures(),
      generations: () => admission,
      processes: () => processMemory(root),
    },
  })
  const ports: ViewerPorts = {
    commands: nodeCommands(root, registry),
    hello: {
      node: { name, id, pid: process.pid, version },
      startedAt: view.now(),
      model: { name: model.name, chat: service.chat },
    },
    cluster: () => clusterView({ self: { id, name }, registry, placement }),
    figures: listener => figures.subscribe(listener),
  }
  return { view, ports }
}

/**
 * Starts the console of a node, unless it is switched off.
 * @returns its stable handle
 */
export async function startConsole(
  { console }: Config,
  { root, metrics, onDispose }: NodeRoot,
  { view, ports }: NodeView,
  model: ModelService,
): Promise<ResourceRef<ConsoleClient> | undefined> {
  if (!console.enabled) return undefined
  // The token is of this start of the node: a restart of the resource alone keeps what was printed.
  const token = randomBytes(32).toString('base64url')
  const input = { port: console.port, token, view, ports, model }
  const ref = await root.start({ id: 'console', resource: consoleServer, policy: 'server', input })
  onDispose(metrics.watch({ viewers: () => ref.client?.viewers ?? 0 }))
  return ref
}
