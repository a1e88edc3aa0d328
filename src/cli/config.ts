import { writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import type { ConfigFault } from '../config/faults.ts'
import { formatOrigin, valuePaths } from '../config/layers.ts'
import { defaultFile, loadConfig } from '../config/load.ts'
import type { LoadedConfig } from '../config/parse.ts'
import { formatPath, type Path } from '../config/path.ts'
import { configShape } from '../config/shape.ts'
import { configTemplate, hideSecrets, writeValues } from '../config/write.ts'
import { ExovisorError, isExovisorError } from '../errors.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'

/** What the command takes from the process; a test gives its own. */
export interface ConfigCommandWorld {
  readonly stdout: { write(text: string): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  setExitCode(code: ExitCode): void
}

const thisProcess = (): ConfigCommandWorld => ({
  stdout: process.stdout,
  env: process.env,
  cwd: process.cwd(),
  setExitCode(code) {
    process.exitCode = code
  },
})

/** What an editor reads for completion, beside the file that `config init` writes. */
const schemaFile = 'exovisor.schema.json'

/** `exovisor config`: check, print, schema and init. */
export function configCommand(world: ConfigCommandWorld = thisProcess()): Command {
  return new Command('config')
    .description('check, show and create the configuration')
    .addCommand(checkCommand(world))
    .addCommand(printCommand(world))
    .addCommand(schemaCommand(world))
    .addCommand(initCommand(world))
}

const fileHelp = `the file; EXOVISOR_CONFIG or ./${defaultFile} by default`

/**
 * Exits with 2 when there are faults. With `--json` it writes
 * `{ "ok": true, "file": "exovisor.yaml" }` (no file: defaults and environment only), or
 * `{ "ok": false, "faults": [{ place, source, line?, column?, path, message, expected?, suggestion? }] }`.
 */
function checkCommand(world: ConfigCommandWorld): Command {
  return new Command('check')
    .description(
      'find every fault of the configuration file and of EXOVISOR_ variables; exit code 2 if there is one',
    )
    .argument('[file]', fileHelp)
    .option('--json', 'write the result as JSON')
    .action((file: string | undefined, { json }: { json?: boolean }) => {
      if (json !== true) {
        const loaded = load(world, file)
        world.stdout.write(`${loaded.file ?? 'no file, the defaults'}: no faults\n`)
        return
      }
      const result = checked(world, file)
      world.stdout.write(`${JSON.stringify(result)}\n`)
      if (!result.ok) world.setExitCode(exitCodes.usage)
    })
}

type CheckResult =
  | { readonly ok: true; readonly file?: string }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] }

function checked(world: ConfigCommandWorld, file: string | undefined): CheckResult {
  try {
    const loaded = load(world, file)
    return { ok: true, ...(loaded.file !== undefined && { file: loaded.file }) }
  } catch (error) {
    if (!isExovisorError(error, 'EXO_CONFIG_INVALID')) throw error
    return { ok: false, faults: error.details['faults'] as readonly ConfigFault[] }
  }
}

/**
 * Writes the configuration in force as YAML; secrets are hidden. With `--origin` each value has a comment that says
 * where it comes from. With `--json`: `{ "file"?, "values": { ... }, "origins"?: { "api.port": "EXOVISOR_API__PORT" } }`.
 */
function printCommand(world: ConfigCommandWorld): Command {
  return new Command('print')
    .description('show the configuration in force, defaults and environment included; secrets are hidden')
    .argument('[file]', fileHelp)
    .option('--json', 'write JSON instead of YAML')
    .option('--origin', 'say where each value comes from')
    .action((file: string | undefined, options: { json?: boolean; origin?: boolean }) => {
      const loaded = load(world, file)
      const origin = (path: Path) => formatOrigin(loaded.origin(formatPath(path)))
      if (options.json !== true) {
        world.stdout.write(writeValues(loaded.values, options.origin === true ? origin : undefined))
        return
      }
      const origins = valuePaths(loaded.values).map(path => [formatPath(path), origin(path)])
      const result = {
        ...(loaded.file !== undefined && { file: loaded.file }),
        values: hideSecrets(loaded.values),
        ...(options.origin === true && { origins: Object.fromEntries(origins) }),
      }
      world.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    })
}

/** Writes the JSON Schema of the configuration, draft 2020-12. */
function schemaCommand(world: ConfigCommandWorld): Command {
  return new Command('schema')
    .description('write the JSON Schema of the configuration file, for editors')
    .action(() => void world.stdout.write(schemaText()))
}

function schemaText(): string {
  return `${JSON.stringify(configShape, null, 2)}\n`
}

/** Creates a configuration file that says what the defaults say, with a comment for each key. */
function initCommand(world: ConfigCommandWorld): Command {
  return new Command('init')
    .description('create a configuration file with every key, its default and what it does')
    .argument('[file]', 'the file to create', defaultFile)
    .option('--force', 'replace the file if it is there')
    .option('--schema', `write ${schemaFile} beside it and point editors to it, for completion`)
    .action((file: string, { force, schema }: { force?: boolean; schema?: boolean }) => {
      const path = resolve(world.cwd, file)
      create(path, file, configTemplate(schema === true ? schemaFile : undefined), force === true)
      world.stdout.write(`created ${file}\n`)
      if (schema !== true) return
      const beside = join(dirname(path), schemaFile)
      // Generated, and without anything of the user in it: always the schema of this version.
      create(beside, basename(beside), schemaText(), true)
      world.stdout.write(`created ${join(dirname(file), schemaFile)}\n`)
    })
}

function create(path: string, label: string, text: string, replace: boolean): void {
  try {
    writeFileSync(path, text, { flag: replace ? 'w' : 'wx' })
  } catch (cause) {
    const there = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    const message = there
      ? `${label} is there already, expected a new name or --force`
      : `cannot write ${label}: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new ExovisorError('EXO_USAGE', message, { cause, details: { file: label } })
  }
}

function load(world: ConfigCommandWorld, file: string | undefined): LoadedConfig {
  return loadConfig({ env: world.env, cwd: world.cwd, ...(file !== undefined && { file }) })
}
