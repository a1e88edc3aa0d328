import { hostname } from 'node:os'
import type { InspectionObserver } from './actors/inspection.ts'
import { loadConfig } from './config/load.ts'
import { parseConfig } from './config/parse.ts'
import type { Config } from './config/schema.ts'
import type { DiscoveryClient } from './discovery/discovery.ts'
import type { LogLevel } from './observe/logger.ts'
import type { ResourceLog } from './resources/types.ts'

/** How a node is spawned. Everything has a default. */
export interface SpawnNodeOptions {
  /** The path of a configuration file, or its content as an object. Default: ./exovisor.yaml, if it is there. */
  readonly config?: string | Readonly<Record<string, unknown>>
  /** Single keys that are stronger than the file and the environment, e.g. `{ 'api.port': 0 }`. */
  readonly flags?: Readonly<Record<string, unknown>>
  /** Where `EXOVISOR_*` is read from. Default: the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Makes the log, given the level of the configuration. Default: JSON lines on stderr. */
  readonly logger?: (level: LogLevel) => ResourceLog
  /** Sources of peers beside those of the configuration. */
  readonly discovery?: readonly DiscoveryClient[]
  /** Sees the XState system of the whole tree; `true` offers it to Stately's inspector, as the key `inspect.enabled` does. */
  readonly inspect?: InspectionObserver | true
  /** Whether the model is placed at once, or only when the first request comes. Default: at once. */
  readonly place?: 'at-once' | 'on-demand'
  /** Gives the spawning up. Afterwards it has no effect: use `close()`. */
  readonly signal?: AbortSignal
}

/**
 * Reads the configuration that the options name.
 * @throws EXO_CONFIG_INVALID, EXO_CONFIG_UNREADABLE
 */
export function nodeConfig({ config, flags, inspect, env = process.env }: SpawnNodeOptions): Config {
  const inspected = inspect === true && { 'inspect.enabled': true }
  const sources = { env, flags: { ...flags, ...inspected } }
  // JSON is YAML, so an object goes through the same checks as a file.
  if (typeof config === 'object') return parseConfig({ ...sources, text: JSON.stringify(config) }).config
  return loadConfig({ ...sources, cwd: process.cwd(), ...(config !== undefined && { file: config }) }).config
}

/** The name of a node that is given none: that of the machine, without its domain. */
export function defaultNodeName(): string {
  return (hostname().split('.')[0] || 'node').slice(0, 64)
}
