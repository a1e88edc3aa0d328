import type { Admission } from './cluster/admission.ts'
import type { PeerGroup } from './cluster/peer-group.ts'
import type { Placement } from './cluster/placement.ts'
import { realClock } from './concurrency/clock.ts'
import { type Phase, type PhaseOptions, type PhaseReport, runPhases } from './concurrency/phases.ts'
import type { Config } from './config/schema.ts'
import type { PeerClient, PeerMessage } from './network/peer.ts'
import { apiServer } from './serving/api-server.ts'
import type { Supervisor } from './supervision/types.ts'

/** What is brought to an orderly end. */
export interface ShutdownParts {
  readonly root: Supervisor
  readonly admission: Admission
  readonly placement: Placement
  readonly peers: PeerGroup<PeerClient, PeerMessage>
  /** Ends the background tasks of what is no resource. @throws EXO_TASK_LEAKED */
  readonly endTasks: (limit: number) => Promise<void>
  /** Stops what the supervisors do not own, and sends the last spans. */
  readonly dispose: () => Promise<void>
}

/** The name of a phase of the shutdown of a node. */
type ShutdownPhase =
  | 'withdraw'
  | 'admit'
  | 'drain'
  | 'api'
  | 'peers'
  | 'engines'
  | 'server'
  | 'supervisor'
  | 'flush'

const phase = (
  name: ShutdownPhase,
  after: readonly ShutdownPhase[],
  limit: number,
  run: Phase['run'],
): Phase => ({ name, after, limit, run })

/** Stops the children of the root that are meant, side by side. */
function stopper(root: Supervisor) {
  return async (isMeant: (id: string) => boolean): Promise<void> => {
    const meant = root.children().filter(({ id }) => isMeant(id))
    await Promise.all(meant.map(({ id }) => root.stop(id)))
  }
}

/** From the first phase on nobody is admitted; the second waits until those inside have left, and cuts them off when its time is over. */
function drainPhases(
  { root, admission }: ShutdownParts,
  { withdraw, drain }: Config['shutdown'],
): readonly Phase[] {
  const cut = new AbortController()
  const hasApi = (): boolean => root.children().some(({ id }) => id === 'api')
  let drained: Promise<unknown> = Promise.resolve()
  return [
    phase('admit', [], withdraw, () => {
      const api = hasApi() ? root.ref(apiServer, 'api').client : undefined
      drained = Promise.all([api?.drain(cut.signal), admission.close()])
    }),
    phase('drain', ['admit'], drain, async signal => {
      signal.addEventListener('abort', () => cut.abort(signal.reason), { once: true })
      await drained
    }),
  ]
}

/**
 * The phases in which a node ends: it withdraws from discovery and admits nothing more; lets running answers finish; closes the HTTP
 * API, gives its placement and its peers up; ends its engines, then the server that others reached them through, then the supervisor.
 * What a phase leaves behind when its time is over goes down with the process.
 */
function shutdownPhases(parts: ShutdownParts, limits: Config['shutdown']): readonly Phase[] {
  const { root, placement, peers, endTasks, dispose } = parts
  const { withdraw, close, flush } = limits
  const stop = stopper(root)
  return [
    phase('withdraw', [], withdraw, () => stop(id => id.startsWith('discovery:'))),
    ...drainPhases(parts, limits),
    phase('api', ['drain'], close, () => stop(id => id === 'api')),
    phase('peers', ['drain', 'withdraw'], close, async () => {
      await placement.close()
      await peers.close()
      await stop(id => id === 'peers')
    }),
    phase('engines', ['peers'], close, () => stop(id => id === 'inference' || id.startsWith('inference:'))),
    phase('server', ['engines', 'api'], close, () => stop(id => id === 'server' || id === 'console')),
    phase('supervisor', ['server'], close, async () => {
      await root.close()
      // A little before the phase is over, so that a task which does not end is named.
      await endTasks(close / 2)
    }),
    phase('flush', ['supervisor'], flush, dispose),
  ]
}

/** Brings a node to its end, phase by phase. */
export function shutDown(
  parts: ShutdownParts,
  limits: Config['shutdown'],
  onPhase?: PhaseOptions['onPhase'],
): Promise<readonly PhaseReport[]> {
  return runPhases(shutdownPhases(parts, limits), { clock: realClock, ...(onPhase && { onPhase }) })
}
