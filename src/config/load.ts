import { readFileSync, statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { ExovisorError } from '../errors.ts'
import { configFault, configInvalid } from './faults.ts'
import { type ConfigSources, type LoadedConfig, parseConfig } from './parse.ts'
import { yamlLimits } from './yaml.ts'

/** The file that is read when nobody names one, if it is there. */
export const defaultFile = 'exovisor.yaml'

/** Where to load the configuration from. */
export interface LoadOptions extends Pick<ConfigSources, 'flags' | 'extraKinds'> {
  /** What `--config` gave. Default: EXOVISOR_CONFIG, then ./exovisor.yaml if it is there. */
  readonly file?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The directory that a relative path of the file starts from. */
  readonly cwd: string
}

/**
 * Finds and reads the configuration file, and joins it with defaults, environment and flags.
 * @throws EXO_CONFIG_UNREADABLE when a file that was named cannot be read, or ./exovisor.yaml is there and cannot be
 * @throws EXO_CONFIG_INVALID as {@link parseConfig}
 */
export function loadConfig({ file, env, cwd, ...rest }: LoadOptions): LoadedConfig {
  const named = file ?? (env['EXOVISOR_CONFIG'] || undefined)
  const path = resolve(cwd, named ?? defaultFile)
  const label = named ?? defaultFile
  const text = readConfigFile(path, label, named !== undefined)
  return parseConfig({ ...rest, env, ...(text !== undefined && { text, file: shownPath(cwd, path) }) })
}

function shownPath(cwd: string, path: string): string {
  const short = relative(cwd, path)
  return short === '' || short.startsWith('..') ? path : short
}

function readConfigFile(path: string, label: string, mustExist: boolean): string | undefined {
  let bytes: Buffer
  try {
    // Asked before opening: to open a pipe that nobody writes to would wait for ever.
    const stat = statSync(path)
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > yamlLimits.bytes) throw tooLarge(label, stat.size)
    bytes = readFileSync(path)
  } catch (error) {
    if (error instanceof ExovisorError) throw error
    if (!mustExist && error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    const reason = error instanceof Error ? error.message : String(error)
    throw new ExovisorError(
      'EXO_CONFIG_UNREADABLE',
      `cannot read the configuration file ${label}: ${reason}`,
      {
        cause: error,
        details: { file: label },
      },
    )
  }
  return decode(bytes, label)
}

function decode(bytes: Buffer, label: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const start = { source: 'file', file: label, line: 1, column: 1 } as const
    throw configInvalid([configFault(start, [], 'the file is not text in UTF-8')])
  }
}

function tooLarge(label: string, size: number): ExovisorError {
  const start = { source: 'file', file: label, line: 1, column: 1 } as const
  return configInvalid([
    configFault(start, [], `the file has ${size} bytes, expected at most ${yamlLimits.bytes}`),
  ])
}
