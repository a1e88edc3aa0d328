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
  /** Stops what the supervisors do not own. */
  readonly dispose: () => void
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

/**
 * The phases in which a node ends: it withdraws from discovery and admits nothing more; lets running answers finish; closes the HTTP
 * API, gives its placement and its peers up; ends its engines, then the server that others reached them through, then the supervisor.
 * What a phase leaves behind when its time is over goes down with the process.
 */
function shutdownPhases(
  parts: ShutdownParts,
  { withdraw, drain, close, flush }: Config['shutdown'],
): readonly Phase[] {
  const { root, admission, placement, peers, endTasks, dispose } = parts
  const stop = (isMeant: (id: string) => boolean) => () =>
    Promise.all(
      root
        .children()
        .filter(({ id }) => isMeant(id))
        .map(({ id }) => root.stop(id)),
    )
  const api = () =>
    root.children().some(({ id }) => id === 'api') ? root.ref(apiServer, 'api').client : undefined
  const phase = (
    name: ShutdownPhase,
    after: readonly ShutdownPhase[],
    limit: number,
    run: Phase['run'],
  ): Phase => ({
    name,
    after,
    limit,
    run,
  })
  // Begun in one phase, waited for in the next: from the first moment on nobody is admitted.
  let drained: Promise<unknown> = Promise.resolve()
  const cut = new AbortController()
  return [
    phase(
      'withdraw',
      [],
      withdraw,
      stop(id => id.startsWith('discovery:')),
    ),
    phase('admit', [], withdraw, () => {
      drained = Promise.all([api()?.drain(cut.signal), admission.close()])
    }),
    phase('drain', ['admit'], drain, async signal => {
      signal.addEventListener('abort', () => cut.abort(signal.reason), { once: true })
      await drained
    }),
    phase(
      'api',
      ['drain'],
      close,
      stop(id => id === 'api'),
    ),
    phase('peers', ['drain', 'withdraw'], close, async () => {
      await placement.close()
      await peers.close()
      await stop(id => id === 'peers')()
    }),
    phase(
      'engines',
      ['peers'],
      close,
      stop(id => id === 'inference' || id.startsWith('inference:')),
    ),
    phase(
      'server',
      ['engines', 'api'],
      close,
      stop(id => id === 'server'),
    ),
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
