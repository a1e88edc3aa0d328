import { readFileSync } from 'node:fs'
import { lifecycle, lifecycleStates, machines } from '../../machines/index.ts'
import { DEFAULT_MAILBOX } from '../../src/actors/mailbox-policy.ts'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import { describeConfig } from '../../src/config/describe.ts'
import { builtinKinds, builtinPolicies } from '../../src/config/policies.ts'
import { errorCatalogue } from '../../src/errors.ts'
import { commandFacts } from './command-facts.ts'

interface StateNode {
  readonly description?: string
  readonly states?: Readonly<Record<string, StateNode>>
  readonly on?: Readonly<Record<string, unknown>>
}

/** Everything that the built-in model is taught about the program, as the sources say it. */
interface Facts {
  readonly states: Readonly<
    Record<string, { description: string; to: Readonly<Record<string, readonly string[]>> }>
  >
  readonly machines: Readonly<
    Record<string, { description: string; states: Readonly<Record<string, string>> }>
  >
  readonly config: Readonly<
    Record<string, { description: string; default: string | null; type: string; environment: string }>
  >
  readonly policies: Readonly<Record<string, { description: string; kinds: readonly string[] }>>
  readonly commands: Readonly<
    Record<string, { description: string; options: Readonly<Record<string, string>> }>
  >
  readonly errors: Readonly<Record<string, { meaning: string; remedy: string }>>
  readonly exitCodes: Readonly<Record<string, string>>
  /** Numbers that stand in no configuration. */
  readonly limits: Readonly<Record<'mailbox', string>>
  readonly package: { readonly node: string; readonly license: string; readonly version: string }
}

/** The states that a transition may lead to, without the nested part of their names. */
function targets(transitions: unknown): string[] {
  if (Array.isArray(transitions)) return transitions.flatMap(targets)
  const target = (transitions as { readonly target?: unknown } | undefined)?.target
  return typeof target === 'string' ? [target.split('.')[0] ?? target] : []
}

function stateFacts(): Facts['states'] {
  const nodes = lifecycle.config.states as Readonly<Record<string, StateNode>>
  return Object.fromEntries(
    lifecycleStates.map(state => {
      const { description = '', on = {} } = nodes[state] ?? {}
      const eventsTo = (next: string) => Object.keys(on).filter(event => targets(on[event]).includes(next))
      const next = lifecycleStates.filter(other => eventsTo(other).length > 0)
      return [state, { description, to: Object.fromEntries(next.map(other => [other, eventsTo(other)])) }]
    }),
  )
}

function machineFacts(): Facts['machines'] {
  return Object.fromEntries(
    Object.entries(machines).map(([name, machine]) => {
      const { description = '', states = {} } = machine.config as unknown as StateNode
      const nested = Object.values(states).flatMap(state => Object.entries(state.states ?? {}))
      return [
        name,
        {
          description,
          states: Object.fromEntries(nested.map(([inner, at]) => [inner, at.description ?? ''])),
        },
      ]
    }),
  )
}

const policyKeys = 'supervision.policies.<name>.'

function configFacts(): Facts['config'] {
  const keys = describeConfig().filter(({ type }) => type !== 'section')
  return Object.fromEntries(
    keys.map(({ path, description, type, default: standard, environment }) => [
      // The keys of a policy go by their short names.
      path.replace(policyKeys, ''),
      { description, default: standard ?? null, type, environment },
    ]),
  )
}

function policyFacts(): Facts['policies'] {
  return Object.fromEntries(
    Object.entries(builtinPolicies).map(([name, { description }]) => [
      name,
      { description, kinds: Object.keys(builtinKinds).filter(kind => builtinKinds[kind] === name) },
    ]),
  )
}

/** Reads the facts from the machines, the configuration schema, the policies, the commands and the error catalogue. */
export function extractFacts(): Facts {
  const description = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly engines: { readonly node: string }
    readonly license: string
    readonly version: string
  }
  return {
    states: stateFacts(),
    machines: machineFacts(),
    config: configFacts(),
    policies: policyFacts(),
    commands: commandFacts(),
    errors: Object.fromEntries(
      Object.entries(errorCatalogue).map(([code, { meaning, remedy }]) => [code, { meaning, remedy }]),
    ),
    exitCodes: Object.fromEntries(
      Object.entries(exitCodes).map(([meaning, code]) => [meaning, String(code)]),
    ),
    limits: {
      mailbox: String(DEFAULT_MAILBOX),
    },
    package: {
      node: description.engines.node.replace(/^>=/, ''),
      license: description.license,
      version: description.version,
    },
  }
}
