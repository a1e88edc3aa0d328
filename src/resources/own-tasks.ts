import { Background } from '../concurrency/background.ts'
import type { Environment, ShutdownLimit } from './environment.ts'
import { pathOf } from './registry-path.ts'

interface TaskOwner {
  readonly name: string
  readonly environment: Environment
  fail(error: unknown): void
}

/** The background of one incarnation: a task of it that fails is its own failure. */
export function backgroundOf(owner: TaskOwner): Background {
  const { clock, path, tasks } = owner.environment
  return new Background({
    owner: pathOf(path ?? '', owner.name),
    clock,
    registry: tasks,
    onFailure: error => owner.fail(error),
  })
}

/** Milliseconds that tasks get to end: half of what closing may take, so that the cleanup has the other half. */
export function taskLimit(shutdown: ShutdownLimit): number {
  if (shutdown === 'infinity') return Number.POSITIVE_INFINITY
  return shutdown === 'kill' ? 0 : shutdown / 2
}
