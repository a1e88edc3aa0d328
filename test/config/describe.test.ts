import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defaultValues, describeConfig } from '../../src/config/describe.ts'
import { configSchema } from '../../src/config/schema.ts'
import { configShape, mapValues, resolveShape, type Shape, sectionKeys } from '../../src/config/shape.ts'

/** Every key of the schema, in free maps and policies too. */
function* walk(shape: Shape, path: string): Generator<{ path: string; shape: Shape }> {
  for (const [key, child] of Object.entries(sectionKeys(shape) ?? {})) {
    yield { path: `${path}${key}`, shape: child }
    yield* walk(child, `${path}${key}.`)
  }
  const free = mapValues(shape)
  if (free !== undefined) yield* walk(free, `${path}*.`)
}

describe('the schema', () => {
  it('describes every key in one sentence', () => {
    const keys = [...walk(configShape, '')]
    expect(keys.length).toBeGreaterThan(80)
    for (const { path, shape } of keys) expect(shape.description, path).toMatch(/^[a-zA-Z].{10,140}[^.]$/)
  })

  it('is JSON Schema draft 2020-12 that accepts and refuses what the configuration does', () => {
    expect(configShape).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      additionalProperties: false,
    })
    const fromShape = z.fromJSONSchema(configShape as Parameters<typeof z.fromJSONSchema>[0])
    const samples: readonly [unknown, boolean][] = [
      [{}, true],
      [defaultValues, true],
      [
        {
          supervision: { names: { 'peer:attic': { degraded: { grace: '1m' } } }, kinds: { peer: 'network' } },
        },
        true,
      ],
      [{ api: { prot: 1 } }, false],
      [{ api: { port: 70_000 } }, false],
      [{ log: { level: 'loud' } }, false],
      [{ shutdown: { drain: '5 days' } }, false],
      [{ supervision: { names: { x: { shutdwn: '1s' } } } }, false],
    ]
    for (const [value, valid] of samples) {
      expect(configSchema.safeParse(value).success, JSON.stringify(value)).toBe(valid)
      expect(fromShape.safeParse(value).success, JSON.stringify(value)).toBe(valid)
    }
  })

  it('gives a default only where the parsed configuration has it', () => {
    expect(configSchema.parse(defaultValues)).toEqual(configSchema.parse({}))
  })

  it('marks the secrets, so that editors and we do not show them', () => {
    const secrets = [...walk(configShape, '')].filter(({ shape }) => {
      const { writeOnly, items } = resolveShape(shape)
      return writeOnly === true || items?.writeOnly === true
    })
    expect(secrets.map(({ path }) => path)).toEqual(['api.keys', 'grpc.key'])
  })
})

describe('the description of the configuration', () => {
  it('has each key once, with type, default and variable', () => {
    const keys = describeConfig()
    expect(new Set(keys.map(({ path }) => path)).size).toBe(keys.length)
    expect(keys).toContainEqual({
      path: 'engine.prefillChunk',
      type: 'integer',
      default: '128',
      description: 'how many tokens of a prompt are computed in one step',
      environment: 'EXOVISOR_ENGINE__PREFILL_CHUNK',
    })
    expect(keys).toContainEqual({
      path: 'supervision.policies.<name>.startTimeout',
      type: 'duration | infinity',
      default: '30s',
      description: 'how long INITIALIZING may take',
      environment: 'EXOVISOR_SUPERVISION__POLICIES__<NAME>__START_TIMEOUT',
    })
    expect(keys.find(({ path }) => path === 'supervision.policies')?.default).toBe(
      'default, network, engine, server, supervisor',
    )
    for (const { path, type, description } of keys) {
      expect(type, path).toMatch(/^[a-zA-Z |]+$/)
      expect(description, path).not.toBe('')
    }
  })
})
