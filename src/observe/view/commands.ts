import type { Clock } from '../../concurrency/clock.ts'
import { waitFor } from '../../concurrency/wait-for.ts'
import { ExovisorError } from '../../errors.ts'
import type { Registry } from '../../resources/registry.ts'
import type { RegistryEntry } from '../../resources/registry-types.ts'
import type { LifecycleState, ResourceRef } from '../../resources/types.ts'
import type { Supervisor, SupervisorClient } from '../../supervision/types.ts'
import type { ViewerMessage } from './messages.ts'

/** What somebody may tell a resource from outside. */
export type ResourceCommand = Extract<ViewerMessage, { type: 'command' }>['command']

/** How a resource is when a command has been carried out. */
interface CommandResult {
  readonly path: string
  readonly state: LifecycleState
  readonly incarnation: number
  readonly suspended: boolean
}

/** Commands to the resources of a running tree, by their paths. */
export interface ResourceCommands {
  /**
   * Carries a command out. `restart` and `reset` resolve when the resource is READY again, `close` when it is CLOSED, `recover` when it is
   * mended, the others at once. What was under way when the caller has given up goes on.
   *
   * @param reason what `degrade` and `fail` remember, as the error of the resource
   * @throws EXO_CHILD_UNKNOWN naming the nearest path; EXO_REQUEST_INVALID for what the state of the resource does not allow, and for
   *   the root; EXO_STRATEGY_MISMATCH for what its supervisor does not offer; EXO_RESOURCE_CLOSED when its supervisor is not there;
   *   EXO_READY_TIMEOUT when it takes longer than 30 s; and why it could not become READY
   */
  run(command: ResourceCommand, path: string, reason?: string): Promise<CommandResult>
}

/** A restart goes on by itself for as long as its policy says; who asked for it is not kept waiting that long. */
const PATIENCE_MS = 30_000

/** Where a command that is not for every state may be given. */
const allowed: Partial<Record<ResourceCommand, readonly LifecycleState[]>> = {
  degrade: ['READY'],
  fail: ['INITIALIZING', 'READY', 'DEGRADED'],
  recover: ['DEGRADED'],
  close: ['UNINITIALIZED', 'INITIALIZING', 'READY', 'DEGRADED', 'ERROR'],
}

/** The commands of one tree, carried out by its supervisors. */
export function resourceCommands(
  root: Supervisor,
  registry: Registry,
  { clock }: { readonly clock: Clock },
): ResourceCommands {
  return {
    async run(command, path, reason) {
      const entry = registry.get(path)
      const supervisor = supervisorOf(entry, root, registry)
      refuse(command, entry)
      const effect = perform(command, { entry, supervisor, ref: registry.ref(path), reason })
      await waitFor(effect, clock, `${command} of ${path}`, { timeout: PATIENCE_MS })
      // One that is not restarted may be forgotten when it is closed.
      const { state, incarnation, suspended } = after(registry, entry)
      return { path, state, incarnation, suspended }
    },
  }
}

interface Order {
  readonly entry: RegistryEntry
  readonly supervisor: SupervisorClient
  readonly ref: ResourceRef<unknown, unknown>
  readonly reason: string | undefined
}

/** Async, so that what a supervisor throws at once is a rejection too. */
async function perform(
  command: ResourceCommand,
  { entry: { name, path }, supervisor, ref, reason }: Order,
): Promise<void> {
  const told = (what: string): ExovisorError =>
    new ExovisorError(
      'EXO_RESOURCE_FAILED',
      `${path} was ${what} by hand${reason === undefined ? '' : `: ${reason}`}`,
    )
  switch (command) {
    case 'restart':
      await supervisor.restart(name)
      break
    case 'reset':
      await supervisor.reset(name)
      break
    case 'recover':
      await supervisor.recover(name)
      break
    case 'close':
      await supervisor.stop(name)
      break
    case 'suspend':
      supervisor.suspend(name)
      break
    case 'resume':
      supervisor.resume(name)
      break
    case 'degrade':
      ref.degrade(told('degraded'))
      break
    case 'fail':
      ref.fail(told('failed'))
      break
  }
}

function after(
  registry: Registry,
  entry: RegistryEntry,
): Pick<CommandResult, 'state' | 'incarnation' | 'suspended'> {
  try {
    return registry.get(entry.path)
  } catch {
    return { ...entry, state: 'CLOSED' }
  }
}

function supervisorOf(
  { path, parent }: RegistryEntry,
  root: Supervisor,
  registry: Registry,
): SupervisorClient {
  if (parent === '')
    throw new ExovisorError(
      'EXO_REQUEST_INVALID',
      `${path} is the root of the tree, which no supervisor commands; expected a resource below it`,
    )
  // The root, and not its client: it tells of its own end.
  if (parent === root.name) return root
  const { client, state } = registry.ref(parent)
  if (isSupervisor(client)) return client
  throw new ExovisorError(
    'EXO_RESOURCE_CLOSED',
    `${path} cannot be told anything now: its supervisor ${parent} is ${state}`,
  )
}

const isSupervisor = (client: unknown): client is SupervisorClient =>
  typeof client === 'object' && client !== null && 'restart' in client && 'reset' in client

function refuse(command: ResourceCommand, { path, state, suspended }: RegistryEntry): void {
  const states = allowed[command]
  if (states && !states.includes(state))
    throw new ExovisorError(
      'EXO_REQUEST_INVALID',
      `${command} of ${path}: it is ${state}, expected ${states.join(' or ')}`,
      { details: { path, state } },
    )
  if ((command === 'suspend' && suspended) || (command === 'resume' && !suspended))
    throw new ExovisorError(
      'EXO_REQUEST_INVALID',
      `${command} of ${path}: it is ${suspended ? 'suspended already' : 'not suspended'}`,
      { details: { path, state } },
    )
}
