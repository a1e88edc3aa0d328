import type { Clock } from '../../concurrency/clock.ts'
import type { Registry } from '../../resources/registry.ts'
import type { RegistryEntry, RegistrySource } from '../../resources/registry-types.ts'
import type { ResourceRow } from './resource-answers.ts'

/** Rows that are made in one turn of the event loop. */
const ROWS_A_TURN = 500

/** Where rows come from. */
export interface RowParts {
  readonly registry: Registry
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The rows of all resources that fit, supervisor by supervisor. The event loop gets its turn after each five hundred. */
export async function rowsOf(
  { registry, clock, now }: RowParts,
  fits: (source: RegistrySource) => boolean = () => true,
): Promise<ResourceRow[]> {
  const epoch = now() - clock.now()
  const rows: ResourceRow[] = []
  for (const source of registry.sources()) {
    if (source.standing === undefined || !fits(source)) continue
    rows.push(rowOf(source.entry(), epoch))
    if (rows.length % ROWS_A_TURN === 0) await new Promise<void>(resolve => clock.nextTurn(resolve))
  }
  return rows
}

/** @param epoch the time of day at the zero of the clock */
function rowOf(entry: RegistryEntry, epoch: number): ResourceRow {
  const { path, parent, name, displayName, kind, state, incarnation, restarts, suspended, dependencies } =
    entry
  const { lastError } = entry
  return {
    path,
    parent,
    name,
    displayName,
    kind,
    state,
    incarnation,
    restarts,
    since: Math.round(epoch + entry.since),
    suspended,
    dependencies: [...dependencies],
    ...(lastError && { error: { code: lastError.code, message: lastError.message } }),
  }
}
